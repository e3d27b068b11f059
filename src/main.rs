//! The exit code, and nothing else.

use std::process::ExitCode;

use mixpanel_s3::Process;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    let code = mixpanel_s3::run_on(&runtime, Process::real());
    // A prompt that was left may still be reading the terminal; nobody waits for it.
    runtime.shutdown_background();
    ExitCode::from(code)
}
