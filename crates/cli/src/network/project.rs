//! Networks defined by a project, in icp.yaml or dfx.json.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::{Endpoint, in_home};
use crate::{failure::with_help, text};

const ICP: &str = "icp.yaml";
const DFX: &str = "dfx.json";

/// Name of the network that always exists.
const LOCAL: &str = "local";

/// Location of a network.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Defined by a file.
    At {
        /// URL of the network.
        url: String,
        /// The file, for messages.
        file: String,
    },
    /// Not defined by any file; these are the default endpoints of the programs.
    Default(Vec<Endpoint>),
}

/// Project files: those of the first folder upwards that has any.
struct Project {
    icp: Option<(PathBuf, Yaml)>,
    dfx: Option<(PathBuf, Value)>,
}

/// Finds a network by name, starting in a folder.
pub(super) fn find(name: &str, here: &Path) -> Result<Found> {
    let project = Project::above(here)?;
    if let Some((url, file)) = project.network(name)? {
        return Ok(Found::At { url, file: text::path(&file) });
    }
    if name != LOCAL {
        let known = project.names();
        let known = if known.is_empty() { String::new() } else { format!("{}, ", known.join(", ")) };
        return Err(with_help(
            format!("there is no network {name:?} in icp.yaml or dfx.json"),
            format!("known networks: {known}ic, local, or a URL with http:// or https://"),
        ));
    }
    // dfx shares networks between projects, in a file of the user.
    let shared = in_home(".config/dfx/networks.json").map_or(Ok(None), |file| read_json(&file))?;
    if let Some((file, networks)) = shared
        && let Some(url) = dfx_url(&networks[LOCAL])
        && project.icp.is_none()
    {
        return Ok(Found::At { url, file: text::path(&file) });
    }
    let is_of_dfx = project.dfx.is_some() && project.icp.is_none();
    Ok(Found::Default(match is_of_dfx {
        true => vec![Endpoint::dfx(), Endpoint::icp()],
        false => vec![Endpoint::icp(), Endpoint::dfx()],
    }))
}

/// Returns the names of the networks that can be used in a folder, for completion.
pub(crate) fn names(here: &Path) -> Vec<String> {
    let mut names = Project::above(here).map(|project| project.names()).unwrap_or_default();
    names.extend(["ic", LOCAL].map(str::to_owned));
    names.sort();
    names.dedup();
    names
}

impl Project {
    fn above(here: &Path) -> Result<Self> {
        for folder in here.ancestors() {
            let (icp, dfx) = (read_yaml(&folder.join(ICP))?, read_json(&folder.join(DFX))?);
            if icp.is_some() || dfx.is_some() {
                return Ok(Self { icp, dfx });
            }
        }
        Ok(Self { icp: None, dfx: None })
    }

    /// Returns the URL of a network, and the file that defines it.
    fn network(&self, name: &str) -> Result<Option<(String, PathBuf)>> {
        if let Some((file, yaml)) = &self.icp {
            for network in icp_networks(file, yaml) {
                if network["name"].as_str() == Some(name) {
                    let url = icp_url(&network, file.parent().unwrap_or(Path::new("")))?;
                    return Ok(Some((url, file.clone())));
                }
            }
        }
        let found = self
            .dfx
            .as_ref()
            .and_then(|(file, json)| dfx_url(&json["networks"][name]).map(|url| (url, file.clone())));
        Ok(found)
    }

    fn names(&self) -> Vec<String> {
        let icp = self.icp.iter().flat_map(|(file, yaml)| icp_networks(file, yaml));
        let mut names: Vec<_> =
            icp.filter_map(|network| network["name"].as_str().map(str::to_owned)).collect();
        if let Some(networks) = self.dfx.as_ref().and_then(|(_, json)| json["networks"].as_object()) {
            names.extend(networks.keys().cloned());
        }
        names
    }
}

/// Returns the networks of icp.yaml, including those in files that it names. Glob patterns are not supported.
fn icp_networks(file: &Path, yaml: &Yaml) -> Vec<Yaml> {
    let listed = yaml["networks"].as_vec().map(Vec::as_slice).unwrap_or_default();
    let folder = file.parent().unwrap_or(Path::new(""));
    let networks = listed.iter().filter_map(|network| match network.as_str() {
        Some(path) => read_yaml(&folder.join(path)).ok().flatten().map(|(_, network)| network),
        None => Some(network.clone()),
    });
    networks.collect()
}

/// Returns the URL of a network of icp.yaml. A network on a random port has a descriptor while it runs.
fn icp_url(network: &Yaml, folder: &Path) -> Result<String> {
    if let Some(url) = network["url"].as_str() {
        return Ok(url.to_owned());
    }
    let gateway = &network["gateway"];
    let host = gateway["bind"].as_str().or(gateway["host"].as_str()).unwrap_or("127.0.0.1");
    let port = match gateway["port"].as_i64() {
        None => 8_000,
        Some(0) => {
            let name = network["name"].as_str().unwrap_or_default();
            let file = folder.join(".icp/cache/networks").join(name).join("descriptor.json");
            let descriptor = read_json(&file)?.map(|(_, descriptor)| descriptor["gateway"]["port"].as_i64());
            descriptor.flatten().ok_or_else(|| {
                with_help(
                    format!("the network {name} is not running: {} has no port", text::path(&file)),
                    format!("start it with: icp network start {name}"),
                )
            })?
        }
        Some(port) => port,
    };
    Ok(of_bind(&format!("{host}:{port}")))
}

/// Returns the URL of a network of dfx.json.
fn dfx_url(network: &Value) -> Option<String> {
    let provider = network["providers"][0].as_str().map(str::to_owned);
    provider.or_else(|| network["bind"].as_str().map(of_bind))
}

/// Returns the URL for a listening address. A wildcard address is reached at the loopback address.
fn of_bind(bind: &str) -> String {
    let (host, port) = bind.rsplit_once(':').unwrap_or((bind, "80"));
    let host = if matches!(host, "0.0.0.0" | "::" | "[::]") { "127.0.0.1" } else { host };
    format!("http://{host}:{port}")
}

fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", text::path(file))),
    }
}

fn read_json(file: &Path) -> Result<Option<(PathBuf, Value)>> {
    let Some(text) = read(file)? else { return Ok(None) };
    let value = serde_json::from_str(&text);
    Ok(Some((file.to_owned(), value.with_context(|| format!("{} cannot be parsed", text::path(file)))?)))
}

fn read_yaml(file: &Path) -> Result<Option<(PathBuf, Yaml)>> {
    let Some(text) = read(file)? else { return Ok(None) };
    let documents = YamlLoader::load_from_str(&text);
    let documents = documents.with_context(|| format!("{} cannot be parsed", text::path(file)))?;
    Ok(Some((file.to_owned(), documents.into_iter().next().unwrap_or(Yaml::Null))))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::testing::folder_of;
    use super::*;

    /// Creates a folder with these files and a folder in it, which is the working directory.
    fn project(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
        let folder = folder_of(files);
        let below = folder.path().join("src/deep");
        fs::create_dir_all(&below).unwrap();
        (folder, below)
    }

    fn url(name: &str, files: &[(&str, &str)]) -> Option<String> {
        let (_folder, below) = project(files);
        match find(name, &below).unwrap() {
            Found::At { url, .. } => Some(url),
            Found::Default(_) => None,
        }
    }

    #[test]
    fn project_defines_the_urls_of_its_networks() {
        let icp = "networks:\n- name: local\n  mode: managed\n  gateway:\n    port: 9001\n\
                   - networks/far.yaml\n- name: any\n  gateway: {bind: 0.0.0.0}\n";
        let far = "name: far\nmode: connected\nurl: https://far.example\n";
        let files = [("icp.yaml", icp), ("networks/far.yaml", far)];
        assert_eq!(url("local", &files).unwrap(), "http://127.0.0.1:9001");
        assert_eq!(url("far", &files).unwrap(), "https://far.example");
        assert_eq!(url("any", &files).unwrap(), "http://127.0.0.1:8000");
        let dfx = r#"{"networks": {"local": {"bind": "localhost:8080"}, "test": {"providers": ["https://a.example"]}}}"#;
        assert_eq!(url("local", &[("dfx.json", dfx)]).unwrap(), "http://localhost:8080");
        assert_eq!(url("test", &[("dfx.json", dfx)]).unwrap(), "https://a.example");
        // icp.yaml takes precedence, and dfx.json adds networks that it lacks.
        let both = [("icp.yaml", icp), ("dfx.json", dfx)];
        assert_eq!(url("local", &both).unwrap(), "http://127.0.0.1:9001");
        assert_eq!(url("test", &both).unwrap(), "https://a.example");
    }

    #[test]
    fn random_port_is_read_from_the_descriptor() {
        let icp = "networks:\n- name: local\n  gateway: {port: 0}\n";
        let descriptor =
            (".icp/cache/networks/local/descriptor.json", r#"{"gateway": {"fixed": false, "port": 51423}}"#);
        assert_eq!(url("local", &[("icp.yaml", icp), descriptor]).unwrap(), "http://127.0.0.1:51423");
        let (_folder, below) = project(&[("icp.yaml", icp)]);
        let said = crate::failure::printed(&find("local", &below).unwrap_err());
        assert!(said.contains("icp network start local"), "{said}");
    }

    #[test]
    fn project_without_networks_uses_default_ports() {
        let first = |files: &[(&str, &str)]| {
            let (_folder, below) = project(files);
            match find("local", &below).unwrap() {
                Found::Default(endpoints) => endpoints[0].url.clone(),
                found => panic!("{found:?}"),
            }
        };
        assert_eq!(first(&[("icp.yaml", "canisters: []")]), Endpoint::icp().url);
        assert_eq!(first(&[("icp.yaml", ""), ("dfx.json", "{}")]), Endpoint::icp().url);
    }

    #[test]
    fn unknown_network_is_named_with_the_known_ones() {
        let (_folder, below) = project(&[("icp.yaml", "networks:\n- name: staging\n  url: http://a\n")]);
        let said = crate::failure::printed(&find("stagign", &below).unwrap_err());
        assert!(said.contains("\"stagign\"") && said.contains("staging, ic, local"), "{said}");
        assert_eq!(names(&below), ["ic", "local", "staging"]);
        let (_folder, below) = project(&[("icp.yaml", "networks: [")]);
        assert!(format!("{:#}", find("local", &below).unwrap_err()).contains("icp.yaml cannot be parsed"));
    }
}
