//! The `cachette` command.

fn main() -> std::process::ExitCode {
    cachette::memory::keep_freed();
    cachette::cli::main()
}
