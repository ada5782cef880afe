//! The list itself: what is needed, why, and what each system calls it.

use super::{Need, System};

/// A thing that is needed.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) need: Need,
    pub(super) apt: &'static [&'static str],
    pub(super) dnf: &'static [&'static str],
    pub(super) pacman: &'static [&'static str],
    pub(super) brew: &'static [&'static str],
    /// `Publisher.Name` is winget's; `name:triplet` is vcpkg's.
    pub(super) windows: &'static [&'static str],
    /// Any of these on the PATH …
    pub(super) programs: &'static [&'static str],
    /// … and all of these known to pkg-config say that it is there.
    pub(super) modules: &'static [&'static str],
    /// A program from elsewhere does as well as Debian's package.
    pub(super) own_will_do: bool,
}

impl Row {
    pub(super) fn names(&self, system: System) -> &'static [&'static str] {
        match system {
            System::Debian => self.apt,
            System::Fedora => self.dnf,
            System::Arch => self.pacman,
            System::Mac => self.brew,
            System::Windows => self.windows,
            System::Other => &[],
        }
    }
}

const NOTHING: Row = Row {
    title: "",
    why: "",
    need: Need::Build,
    apt: &[],
    dnf: &[],
    pacman: &[],
    brew: &[],
    windows: &[],
    programs: &[],
    modules: &[],
    own_will_do: false,
};

pub(super) const LIST: &[Row] = &[
    Row {
        title: "C compiler",
        why: "compiles SQLite and fdk-aac, and links everything",
        apt: &["gcc", "g++", "libc6-dev", "pkg-config"],
        dnf: &["gcc", "gcc-c++", "glibc-devel", "pkgconf-pkg-config"],
        pacman: &["base-devel"],
        brew: &["pkgconf"],
        // On Windows rustup has seen to it.
        programs: &["cc", "gcc", "clang"],
        ..NOTHING
    },
    Row {
        title: "libclang",
        why: "reads the C headers of x264 and FFmpeg for bindgen",
        apt: &["libclang-dev"],
        dnf: &["clang-devel"],
        pacman: &["clang"],
        brew: &["llvm"],
        windows: &["LLVM.LLVM"],
        programs: &["clang", "llvm-config"],
        ..NOTHING
    },
    Row {
        title: "x264",
        why: "encodes H.264",
        apt: &["libx264-dev"],
        dnf: &["x264-devel"],
        pacman: &["x264"],
        brew: &["x264"],
        windows: &["x264:x64-windows"],
        modules: &["x264"],
        ..NOTHING
    },
    Row {
        title: "FFmpeg's libraries",
        why: "open files, decode, scale and resample",
        apt: &[
            "libavcodec-dev",
            "libavformat-dev",
            "libavfilter-dev",
            "libavdevice-dev",
            "libswscale-dev",
            "libswresample-dev",
            "libavutil-dev",
        ],
        dnf: &["ffmpeg-devel"],
        pacman: &["ffmpeg"],
        brew: &["ffmpeg"],
        windows: &["ffmpeg:x64-windows"],
        modules: &["libavcodec", "libavformat", "libavfilter", "libswscale", "libswresample", "libavutil"],
        ..NOTHING
    },
    Row {
        title: "ALSA",
        why: "records the microphone",
        apt: &["libasound2-dev"],
        dnf: &["alsa-lib-devel"],
        pacman: &["alsa-lib"],
        modules: &["alsa"],
        ..NOTHING
    },
    Row {
        title: "WebKitGTK",
        why: "the desktop window",
        need: Need::Desktop,
        apt: &["libwebkit2gtk-4.1-dev"],
        dnf: &["webkit2gtk4.1-devel"],
        pacman: &["webkit2gtk-4.1"],
        modules: &["webkit2gtk-4.1"],
        ..NOTHING
    },
    Row {
        title: "the desktop window's libraries",
        why: "the tray icon, keyboard layouts, OpenGL, and H.264 in the window's player",
        need: Need::Desktop,
        apt: &[
            "libayatana-appindicator3-1",
            "libxkbcommon-x11-0",
            "libgl1-mesa-dri",
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
            "gstreamer1.0-libav",
        ],
        dnf: &[
            "libayatana-appindicator-gtk3",
            "libxkbcommon-x11",
            "mesa-dri-drivers",
            "gstreamer1-plugin-libav",
        ],
        pacman: &["libayatana-appindicator", "libxkbcommon-x11", "mesa", "gst-plugins-good", "gst-libav"],
        modules: &["gstreamer-1.0"],
        ..NOTHING
    },
    Row {
        title: "ffmpeg and ffprobe",
        why: "publish to the server and check what it serves",
        need: Need::Test,
        apt: &["ffmpeg"],
        dnf: &["ffmpeg"],
        pacman: &["ffmpeg"],
        brew: &["ffmpeg"],
        windows: &["Gyan.FFmpeg"],
        programs: &["ffprobe"],
        own_will_do: true,
        ..NOTHING
    },
    Row {
        title: "Chromium",
        why: "plays the watch page",
        need: Need::Test,
        apt: &["chromium"],
        dnf: &["chromium"],
        pacman: &["chromium"],
        brew: &["chromium"],
        windows: &["Hibbiki.Chromium"],
        programs: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
        own_will_do: true,
        ..NOTHING
    },
    Row {
        title: "GStreamer's tools",
        why: "publish to the server by rtmp2sink, and play by playbin3",
        need: Need::Test,
        apt: &[
            "gstreamer1.0-tools",
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
            "gstreamer1.0-plugins-bad",
            "gstreamer1.0-plugins-ugly",
            "gstreamer1.0-libav",
            "glib-networking",
        ],
        dnf: &[
            "gstreamer1",
            "gstreamer1-plugins-good",
            "gstreamer1-plugins-bad-free",
            "gstreamer1-plugins-ugly",
            "gstreamer1-plugin-libav",
        ],
        pacman: &["gstreamer", "gst-plugins-good", "gst-plugins-bad", "gst-plugins-ugly", "gst-libav"],
        brew: &["gstreamer"],
        windows: &["gstreamerproject.gstreamer"],
        programs: &["gst-launch-1.0"],
        ..NOTHING
    },
    Row {
        title: "mpv",
        why: "plays a session as people without a browser do",
        need: Need::Test,
        apt: &["mpv"],
        dnf: &["mpv"],
        pacman: &["mpv"],
        brew: &["mpv"],
        windows: &["shinchiro.mpv"],
        programs: &["mpv"],
        own_will_do: true,
        ..NOTHING
    },
    Row {
        title: "a display without a screen",
        why: "the desktop window is tested under Xvfb, driven by WebKitWebDriver",
        need: Need::Test,
        apt: &["xvfb", "xauth", "dbus", "webkit2gtk-driver"],
        dnf: &["xorg-x11-server-Xvfb", "xorg-x11-xauth", "dbus-daemon", "webkit2gtk4.1"],
        pacman: &["xorg-server-xvfb", "xorg-xauth", "dbus"],
        programs: &["Xvfb"],
        ..NOTHING
    },
    Row {
        title: "a microphone without hardware",
        why: "PulseAudio plays a known voice into the broadcaster",
        need: Need::Test,
        apt: &["pulseaudio", "pulseaudio-utils", "libasound2-plugins", "espeak-ng"],
        dnf: &["pulseaudio", "pulseaudio-utils", "alsa-plugins-pulseaudio", "espeak-ng"],
        pacman: &["pulseaudio", "pulseaudio-alsa", "espeak-ng"],
        programs: &["pulseaudio"],
        ..NOTHING
    },
    Row {
        title: "nginx and curl",
        why: "stand before the server as a caching proxy, and speak every version of HTTP to it",
        need: Need::Test,
        apt: &["nginx-light", "curl"],
        dnf: &["nginx", "curl"],
        pacman: &["nginx", "curl"],
        brew: &["nginx", "curl"],
        programs: &["nginx", "/usr/sbin/nginx"],
        ..NOTHING
    },
    Row {
        title: "OBS Studio",
        why: "publishes to the server as most people do",
        need: Need::Test,
        apt: &["obs-studio"],
        dnf: &["obs-studio"],
        pacman: &["obs-studio"],
        brew: &["obs"],
        windows: &["OBSProject.OBSStudio"],
        programs: &["obs", "obs64"],
        own_will_do: true,
        ..NOTHING
    },
];
