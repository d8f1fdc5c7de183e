//! Directories: pages of entries, and pages of pages.
