//! Tells Tauri where its files are: the config stands at the root, the rest in this folder (docs/adr/0001).

fn main() {
    // The macro that embeds the UI fails where the folder is missing; an empty one gives an empty window, said by xtask.
    let dist = std::path::Path::new("ui/dist");
    if !dist.exists()
        && let Err(error) = std::fs::create_dir_all(dist)
    {
        println!("cargo::warning=can't make {}: {error}", dist.display());
    }
    println!("cargo::rerun-if-changed=ui/dist");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("src-tauri/capabilities/**/*.json")
        .app_manifest(tauri_build::AppManifest::new().commands(&[
            "connection",
            "devices",
            "broadcast",
            "go_live",
            "stop",
            "quit",
        ]));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error=tauri: {error:#}");
    }
}
