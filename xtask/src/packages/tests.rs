use expect_test::{Expect, expect};

use super::*;

#[test]
fn a_system_is_known_by_its_os_release() {
    let cases = [
        ("ID=debian\n", System::Debian),
        ("NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", System::Debian),
        ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", System::Fedora),
        ("ID=manjaro\nID_LIKE=arch\n", System::Arch),
        ("ID=nixos\n", System::Other),
        ("", System::Other),
    ];
    for (text, system) in cases {
        assert_eq!(System::of_release(text), system, "{text}");
    }
}

#[track_caller]
fn check(system: System, expect: Expect) {
    let x264 = LIST.iter().find(|row| row.title == "x264").unwrap();
    let clang = LIST.iter().find(|row| row.title == "libclang").unwrap();
    expect.assert_eq(&advice(system, &[clang, x264]));
}

#[test]
fn each_system_is_given_its_own_command() {
    check(
        System::Fedora,
        expect![[r#"
        these are missing:
          libclang: reads the C headers of x264 and FFmpeg for bindgen
          x264: encodes H.264
        install them (FFmpeg and x264 come from RPM Fusion, https://rpmfusion.org/Configuration) with
          sudo dnf install clang-devel x264-devel
        then run the same command again"#]],
    );
    check(
        System::Arch,
        expect![[r#"
        these are missing:
          libclang: reads the C headers of x264 and FFmpeg for bindgen
          x264: encodes H.264
        install them with
          sudo pacman -S --needed clang x264
        then run the same command again"#]],
    );
    check(
        System::Mac,
        expect![[r#"
        these are missing:
          libclang: reads the C headers of x264 and FFmpeg for bindgen
          x264: encodes H.264
        install them with
          brew install llvm x264
        then run the same command again"#]],
    );
    check(
        System::Windows,
        expect![[r#"
            these are missing:
              libclang: reads the C headers of x264 and FFmpeg for bindgen
              x264: encodes H.264
            install them with
              winget install LLVM.LLVM
            with vcpkg (https://vcpkg.io), and VCPKG_ROOT set to its folder,
              vcpkg install x264:x64-windows
            then run the same command again"#]],
    );
    check(
        System::Other,
        expect![[r#"
        these are missing:
          libclang: reads the C headers of x264 and FFmpeg for bindgen
          x264: encodes H.264
        this system's package manager isn't known here; Debian calls them
          libclang-dev libx264-dev
        then run the same command again"#]],
    );
}

#[test]
fn every_row_says_what_it_is_and_names_its_debian_packages() {
    for row in LIST {
        assert!(!row.title.is_empty() && !row.why.is_empty() && !row.apt.is_empty(), "{}", row.title);
        // Away from Debian it must be possible to find out whether it is there.
        assert!(!row.programs.is_empty() || !row.modules.is_empty(), "{}", row.title);
    }
}
