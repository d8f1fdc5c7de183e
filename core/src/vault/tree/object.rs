//! The frame of every object: `[kind, version, table, body]`.
