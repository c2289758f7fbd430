//! The site of a published folder: its settings, its declaration and its certification.

use anyhow::Result;
use stable_storage_api::{CertifyProgress, Site, SiteStatus};
use storage_client::Progress as _;

use crate::{args::SiteArgs, context::Context, failure::with_help, store::StoreClient, text};

/// Document that a new site shows for a path without a file, if it exists.
const NOT_FOUND: &str = "404.html";

/// Settings of a site that is declared after the files were stored.
pub(super) struct Plan {
    pub(super) site: Site,
    /// Whether the canister has another site, or none, with this prefix.
    pub(super) is_changed: bool,
}

impl Plan {
    /// Returns the settings of the existing site, or those of a new one, with the options that are given. `has` returns whether
    /// there is a file with a name.
    ///
    /// # Errors
    /// What is wrong with them, before anything is stored.
    pub(super) fn new(
        args: &SiteArgs,
        prefix: &str,
        sites: &[SiteStatus],
        has: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let (existing, others): (Vec<_>, Vec<_>) =
            sites.iter().map(|status| &status.site).partition(|site| site.prefix == prefix);
        let mut site = match existing.first() {
            Some(site) => (*site).clone(),
            None => {
                let not_found = has(NOT_FOUND).then(|| NOT_FOUND.to_owned());
                Site { path: Some("/".into()), not_found, ..Site::new(prefix) }
            }
        };
        change(&mut site, args);
        site.check()?;
        check_others(&site, &others)?;
        for (option, name) in [("--not-found", &args.not_found), ("--single-page", &args.single_page)] {
            if let Some(name) = name.as_deref().filter(|name| !name.is_empty() && !has(name)) {
                return Err(with_help(
                    format!("there is no file {} for {option}", text::argument(name)),
                    "give its path in the folder",
                ));
            }
        }
        let is_changed = existing.first() != Some(&&site);
        Ok(Self { site, is_changed })
    }

    /// Declares the site, and certifies what is not certified yet.
    pub(super) async fn achieve(&self, client: &StoreClient, context: &Context) -> Result<CertifyProgress> {
        let Site { prefix, certified, .. } = &self.site;
        if self.is_changed {
            client.set_site(&self.site).await?;
            context.output.note(&format!("declared the site {prefix:?} at {}", self.site.url_path()));
        }
        if !certified {
            return Ok(CertifyProgress { done: true, ..CertifyProgress::default() });
        }
        let sum = {
            let bar = context.bars.counter("certifying");
            client.certify_all(prefix, |sum| bar.part(0).safe(sum.hashed, 0)).await?
        };
        if sum.items > 0 {
            let objects = text::pluralize(sum.items, "object", "objects");
            context.output.note(&format!("certified {objects}"));
        }
        Ok(sum)
    }
}

/// Changes the settings that are given. An empty text removes one.
fn change(site: &mut Site, args: &SiteArgs) {
    // A site has one of the two: the one that is given replaces the other.
    if args.single_page.is_some() && args.not_found.is_none() {
        site.not_found = None;
    }
    if args.not_found.is_some() && args.single_page.is_none() {
        site.single_page = None;
    }
    for (setting, given) in [
        (&mut site.path, &args.path),
        (&mut site.index, &args.index),
        (&mut site.not_found, &args.not_found),
        (&mut site.single_page, &args.single_page),
        (&mut site.cache_control, &args.cache_control),
        (&mut site.cors, &args.cors),
    ] {
        if let Some(text) = given {
            *setting = Some(text.clone()).filter(|text| !text.is_empty());
        }
    }
    if let Some(headers) = &args.headers {
        site.headers = headers.iter().filter(|(name, _)| !name.is_empty()).cloned().collect();
    }
    site.certified = args.certified.unwrap_or(site.certified);
}

/// Refuses a site that overlaps another one. The canister refuses it as well, but only after the files were stored.
fn check_others(site: &Site, others: &[&Site]) -> Result<()> {
    let overlap = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
    for other in others {
        let (path, other_path, prefix) = (site.url_path(), other.url_path(), &other.prefix);
        if overlap(&site.prefix, prefix) {
            return Err(with_help(
                format!("the prefix {:?} overlaps that of the site {prefix:?}", site.prefix),
                "give another prefix",
            ));
        }
        if overlap(&path, &other_path) {
            return Err(with_help(
                format!("the path {path} overlaps the path {other_path} of the site {prefix:?}"),
                format!("give another path: --path /{}", site.prefix),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site_of(args: &SiteArgs, existing: &[Site]) -> Result<Site> {
        let status = |site: &Site| SiteStatus { site: site.clone(), pending: 0, complete: true };
        let sites: Vec<_> = existing.iter().map(status).collect();
        Plan::new(args, "www/", &sites, |name| name.ends_with(".html")).map(|plan| plan.site)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_new_site_is_at_the_root_and_certified() {
        let site = site_of(&SiteArgs::default(), &[]).unwrap();
        assert_eq!(site, Site { path: some("/"), not_found: some("404.html"), ..Site::new("www/") });
        let args = SiteArgs { single_page: some("app.html"), certified: Some(false), ..SiteArgs::default() };
        let site = site_of(&args, &[]).unwrap();
        assert_eq!((site.single_page, site.not_found, site.certified), (some("app.html"), None, false));
    }

    #[test]
    fn options_that_are_not_given_stay() {
        let existing = Site {
            index: None,
            cors: some("*"),
            cache_control: some("no-cache"),
            headers: vec![("x-a".into(), "1".into())],
            ..Site::new("www/")
        };
        let unchanged = site_of(&SiteArgs::default(), std::slice::from_ref(&existing)).unwrap();
        assert_eq!(unchanged, existing);
        let args = SiteArgs {
            cors: some(""),
            index: some("start.html"),
            headers: Some(vec![Default::default()]),
            ..SiteArgs::default()
        };
        let changed = site_of(&args, std::slice::from_ref(&existing)).unwrap();
        assert_eq!(changed, Site { cors: None, index: some("start.html"), headers: Vec::new(), ..existing });
    }

    #[test]
    fn mistakes_are_found_before_anything_is_stored() {
        let said = |args: SiteArgs, existing: &[Site]| {
            crate::failure::printed(&site_of(&args, existing).unwrap_err())
        };
        let root = Site { path: some("/"), ..Site::new("other/") };
        let overlap = said(SiteArgs::default(), std::slice::from_ref(&root));
        assert!(overlap.contains("\"other/\"") && overlap.contains("--path /www/"), "{overlap}");
        let within = said(SiteArgs { path: some("/x/"), ..SiteArgs::default() }, &[Site::new("www/a/")]);
        assert!(within.contains("\"www/a/\""), "{within}");
        let missing = said(SiteArgs { not_found: some("no.txt"), ..SiteArgs::default() }, &[]);
        assert!(missing.contains("no.txt") && missing.contains("--not-found"), "{missing}");
        let bad = said(SiteArgs { cors: some("example.com"), ..SiteArgs::default() }, &[]);
        assert!(bad.contains("example.com"), "{bad}");
    }
}
