//! What the environment tells the desktop program. No other module reads it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Everything decided before the window opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) server: Server,
    pub(crate) programs: Programs,
    /// `SIGMA_GO_LIVE`: go live at start. `1` lets the page choose the source; anything else names one (`testcard`).
    pub(crate) go_live: Option<String>,
}

/// Which server the console speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// `SIGMA_SERVER_URL` and `SIGMA_TOKEN`: somebody else runs it.
    Given { url: String, token: String },
    /// One of our own, with its data here: `SIGMA_DATA_DIR`, or the system's place for this program's data.
    Own { data_dir: PathBuf },
}

/// The programs that are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) server: PathBuf,
    pub(crate) broadcast: PathBuf,
}

impl Settings {
    /// `app_data`: the system's folder for this program's data.
    pub(crate) fn load(app_data: PathBuf) -> anyhow::Result<Self> {
        let exe = std::env::current_exe().context("can't find the folder of this program")?;
        let folder = exe.parent().context("this program stands in no folder")?;
        Self::from(|name| std::env::var_os(name), folder, app_data)
    }

    fn from(
        env: impl Fn(&str) -> Option<OsString>,
        folder: &Path,
        app_data: PathBuf,
    ) -> anyhow::Result<Self> {
        let text = |name: &str| -> anyhow::Result<Option<String>> {
            match env(name).filter(|value| !value.is_empty()) {
                Some(value) => {
                    Ok(Some(value.into_string().map_err(|_| anyhow::anyhow!("{name} isn't UTF-8"))?))
                }
                None => Ok(None),
            }
        };
        let server = match (text("SIGMA_SERVER_URL")?, text("SIGMA_TOKEN")?) {
            (Some(url), Some(token)) => Server::Given { url: url.trim_end_matches('/').to_owned(), token },
            (None, _) => Server::Own { data_dir: env("SIGMA_DATA_DIR").map_or(app_data, PathBuf::from) },
            (Some(_), None) => {
                anyhow::bail!("SIGMA_SERVER_URL is set but SIGMA_TOKEN is not: set both, or neither")
            }
        };
        let program = |name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let programs = Programs { server: program("sigma-server"), broadcast: program("sigma-broadcast") };
        let go_live = text("SIGMA_GO_LIVE")?.filter(|value| value != "0");
        Ok(Self { server, programs, go_live })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(vars: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(*value));
        Settings::from(env, Path::new("bin"), PathBuf::from("data"))
    }

    #[test]
    fn which_server() {
        let own = |dir: &str| Server::Own { data_dir: dir.into() };
        assert_eq!(load(&[]).unwrap().server, own("data"));
        assert_eq!(load(&[("SIGMA_DATA_DIR", "there")]).unwrap().server, own("there"));
        assert_eq!(load(&[("SIGMA_TOKEN", "t")]).unwrap().server, own("data"));
        let given = Server::Given { url: "http://127.0.0.1:1".into(), token: "t".into() };
        let vars = [("SIGMA_SERVER_URL", "http://127.0.0.1:1/"), ("SIGMA_TOKEN", "t")];
        assert_eq!(load(&vars).unwrap().server, given);
        let error = load(&[("SIGMA_SERVER_URL", "http://127.0.0.1:1")]).unwrap_err();
        assert!(error.to_string().contains("SIGMA_TOKEN"), "{error}");
    }

    #[test]
    fn whether_to_go_live() {
        for (value, expect) in [("1", Some("1")), ("testcard", Some("testcard")), ("0", None), ("", None)] {
            assert_eq!(load(&[("SIGMA_GO_LIVE", value)]).unwrap().go_live.as_deref(), expect);
        }
    }

    #[test]
    fn programs_stand_beside_this_one() {
        let programs = load(&[]).unwrap().programs;
        assert_eq!(programs.broadcast.parent(), Some(Path::new("bin")));
    }
}
