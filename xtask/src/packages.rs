//! System packages: which ones building, running and testing need, which are missing, and how they are installed.
//!
//! On Debian and Ubuntu the missing ones are installed; elsewhere the exact command is printed, and it is the reader's
//! to run.

mod list;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tool;
use list::{LIST, Row};

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Compiling the server and the broadcaster.
    Build,
    /// Compiling and running the desktop window.
    Desktop,
    /// The tests.
    Test,
}

/// Makes sure that everything for `needs` is there: installs it, or says how to.
pub(crate) fn install(needs: &[Need]) -> Result<()> {
    let system = System::here();
    let rows: Vec<&Row> = LIST.iter().filter(|row| needs.contains(&row.need)).collect();
    match system {
        System::Debian => install_debian(&rows),
        System::Fedora | System::Arch | System::Mac | System::Windows | System::Other => {
            let missing: Vec<&Row> = rows.into_iter().filter(|row| !found(row, system)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            bail!("{}", advice(system, &missing))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Debian,
    Fedora,
    Arch,
    Mac,
    Windows,
    Other,
}

impl System {
    fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Mac
        } else {
            Self::of_release(&std::fs::read_to_string("/etc/os-release").unwrap_or_default())
        }
    }

    /// From os-release(5): `ID` first, then what it says it is like.
    fn of_release(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let ids = format!("{} {}", value("ID"), value("ID_LIKE"));
        let system = ids.split_whitespace().find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            _ => None,
        });
        system.unwrap_or(Self::Other)
    }
}

/// Away from Debian there is no one database to ask: look for the programs and the pkg-config modules themselves.
fn found(row: &Row, system: System) -> bool {
    let named = row.names(system);
    if system != System::Other && named.is_empty() {
        return true; // part of the system there
    }
    if system == System::Windows && row.programs.is_empty() {
        return std::env::var_os("VCPKG_ROOT").is_some();
    }
    let program = row.programs.is_empty() || row.programs.iter().any(|name| tool::find(name).is_some());
    let modules = row.modules.is_empty()
        || tool::command("pkg-config")
            .arg("--exists")
            .args(row.modules)
            .status()
            .is_ok_and(|status| status.success());
    program && modules
}

fn advice(system: System, missing: &[&Row]) -> String {
    let mut text = String::from("these are missing:\n");
    for row in missing {
        text.push_str(&format!("  {}: {}\n", row.title, row.why));
    }
    let names: BTreeSet<&str> = missing.iter().flat_map(|row| row.names(system)).copied().collect();
    let names: Vec<&str> = names.into_iter().collect();
    match system {
        System::Debian => text.push_str(&format!("install them with\n  {}", apt_line(&names))),
        System::Fedora => text.push_str(&format!(
            "install them (FFmpeg and x264 come from RPM Fusion, https://rpmfusion.org/Configuration) with\n  sudo dnf install {}",
            names.join(" ")
        )),
        System::Arch => {
            text.push_str(&format!("install them with\n  sudo pacman -S --needed {}", names.join(" ")));
        }
        System::Mac => text.push_str(&format!("install them with\n  brew install {}", names.join(" "))),
        System::Windows => {
            let (vcpkg, winget): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains(':'));
            if !winget.is_empty() {
                text.push_str(&format!("install them with\n  winget install {}", winget.join(" ")));
            }
            if !vcpkg.is_empty() {
                text.push_str(&format!(
                    "\nwith vcpkg (https://vcpkg.io), and VCPKG_ROOT set to its folder,\n  vcpkg install {}",
                    vcpkg.join(" ")
                ));
            }
        }
        System::Other => {
            let names: Vec<&str> = missing.iter().flat_map(|row| row.apt).copied().collect();
            text.push_str(&format!(
                "this system's package manager isn't known here; Debian calls them\n  {}",
                names.join(" ")
            ));
        }
    }
    text.push_str("\nthen run the same command again");
    text
}

fn install_debian(rows: &[&Row]) -> Result<()> {
    let wanted: Vec<&str> = rows.iter().flat_map(|row| row.apt).copied().collect();
    let there = installed(&wanted)?;
    let lacking = |row: &Row| row.apt.iter().any(|name| !there.contains(*name));
    // A browser or an ffmpeg of one's own does as well as the package.
    let own = |row: &Row| row.own_will_do && row.programs.iter().any(|name| tool::find(name).is_some());
    let missing: Vec<&Row> = rows.iter().copied().filter(|row| lacking(row) && !own(row)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("\n      missing on this system, and installed now:");
    for row in &missing {
        println!("        {}: {}", row.title, row.why);
    }
    let names: Vec<&str> =
        missing.iter().flat_map(|row| row.apt).copied().filter(|name| !there.contains(*name)).collect();
    println!("      {}", apt_line(&names));
    if lists_are_empty() {
        apt(&["update", "-q"])?;
        return apt_install(&names);
    }
    // Lists of another day name packages that the mirror has replaced since: get new ones, then try once more.
    apt_install(&names).or_else(|_| apt(&["update", "-q"]).and_then(|()| apt_install(&names)))
}

/// Those of `names` that dpkg has configured.
fn installed(names: &[&str]) -> Result<BTreeSet<String>> {
    // Fails when one of them is unknown, and still prints the others.
    let output = tool::command("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status} ${Package}\n"])
        .args(names)
        .output()
        .context("can't ask dpkg-query which packages are installed")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect())
}

fn lists_are_empty() -> bool {
    let lists = std::fs::read_dir(Path::new("/var/lib/apt/lists"));
    !lists.is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

fn apt_install(names: &[&str]) -> Result<()> {
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(names);
    apt(&arguments)
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut words = become_root()?;
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
    words.extend(arguments);
    let mut command = Command::new(words[0]); // with the terminal: sudo may ask for a password
    tool::run(command.args(&words[1..])).context("the packages could not be installed")
}

/// The beginning of a command line that runs as root: nothing when we are.
fn become_root() -> Result<Vec<&'static str>> {
    use std::io::IsTerminal;
    if tool::output(tool::command("id").arg("-u"))?.trim() == "0" {
        return Ok(Vec::new());
    }
    if tool::find("sudo").is_none() {
        bail!("that needs root, and there is no sudo: run that line as root, then the same command again");
    }
    Ok(if std::io::stdin().is_terminal() { vec!["sudo"] } else { vec!["sudo", "--non-interactive"] })
}

fn apt_line(names: &[&str]) -> String {
    format!("sudo apt-get install --no-install-recommends {}", names.join(" "))
}
