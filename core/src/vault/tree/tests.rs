//! Stories of trees.

mod damage;
mod editing;
mod files;
mod models;
mod writing;
