//! The `cachette` command.

fn main() -> std::process::ExitCode {
    cachette::cli::main()
}
