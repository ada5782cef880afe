//! `sigma-probe check`: from the command line to the exit status.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use super::collect::{self, Net};
use super::report;
use super::rules::{self, Limits, Outcome};
use crate::clock::Clock;
use crate::http::{self, Client, Url};

/// `sigma-probe check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The multivariant playlist, or one media playlist
    pub url: Url,
    /// How long to watch
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub length: Duration,
    /// How late a part or an answer may be for the network's sake
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = duration)]
    pub slack: Duration,
    /// What the draft only recommends counts as a failure
    #[arg(long)]
    pub strict: bool,
    /// Print the verdicts and their evidence as JSON
    #[arg(long)]
    pub json: bool,
    /// Write a page with the verdicts, their evidence and plots
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How to connect.
    #[command(flatten)]
    pub connect: http::Options,
}

/// Watches, judges, reports. Ends with 0 if no rule is broken, 1 if one is; an error means that it could not be checked.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let clock = Clock::start();
    let client = Client::new(&args.connect, clock)?;
    let http1 = Client::new(&http::Options { http: http::Version::Http1, ..args.connect.clone() }, clock)?;
    let evidence = collect::collect(Net { client, http1 }, &args.url, args.length).await?;
    if evidence.tracks.iter().all(|t| t.updates.is_empty()) {
        anyhow::bail!("no media playlist of {} could be read", args.url);
    }
    let verdicts = rules::judge(&evidence, Limits { slack: args.slack, strict: args.strict });
    if let Some(path) = &args.html {
        let page = report::html::page(&evidence, &verdicts);
        std::fs::write(path, page).with_context(|| format!("can't write {}", path.display()))?;
    }
    if args.json {
        println!("{}", report::json(&evidence, &verdicts)?);
    } else {
        print!("{}", report::table(&evidence, &verdicts, std::io::stdout().is_terminal()));
    }
    let failed = verdicts.iter().any(|v| v.outcome == Outcome::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `30s`, `500ms`, `5m`, or plain seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 =
        text.strip_suffix(unit).unwrap_or(text).parse().map_err(|_| format!("`{text}` is no time"))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("`{unit}` is no unit; ms, s, m or h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|e| format!("`{text}`: {e}"))
}
