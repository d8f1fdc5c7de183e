//! The loops that every byte of a file goes through, in a crate of their own: a browser's build makes them fast and everything else small, and
//! generic code is made as the crate demands that names its types. Nothing here is inlined elsewhere, for there it would be made small.

#![forbid(unsafe_code)]

#[cfg(target_feature = "simd128")]
pub mod chacha;
pub mod cipher;
pub mod gear;
pub mod lz4;
