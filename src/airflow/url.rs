//! Where an instance is: the base URL without anything secret in it.

use super::error::Error;
use reqwest::Url;
use std::fmt;

/// The address of an Airflow web server with its path prefix, and without user, password, query
/// and fragment, so that it may be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads what a person copies from a browser: a trailing `/home`, `/api/v1` or `/api/v2` is
    /// taken off, another path is a prefix and kept (ingress and Astro deployments have one).
    ///
    /// Refuses user and password in the URL: URLs are shown in places where secrets must not be.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // Whatever is before an `@` may be a password, also in a text that is no URL at all.
        let shown = || {
            let rest = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
            rest.split(['?', '#']).next().unwrap_or_default().to_string()
        };
        let refused = |problem| Error::Url { url: shown(), problem };
        if !text.contains("://") {
            return Err(refused("it does not begin with `http://` or `https://`"));
        }
        let mut url = Url::parse(text.trim()).map_err(|_| refused("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("only http and https are known"));
        }
        if !url.has_host() {
            return Err(refused("it names no server"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("user and password do not belong in it"));
        }
        url.set_query(None);
        url.set_fragment(None);
        let mut path = url.path().trim_end_matches('/');
        for page in ["/home", "/api/v1", "/api/v2"] {
            path = path.strip_suffix(page).unwrap_or(path).trim_end_matches('/');
        }
        let path = path.to_string();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address of something below the prefix; every part is escaped, so that no identity can
    /// leave its place in the path.
    pub(super) fn join<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    /// Whether the server is this machine, where no proxy may come between.
    pub(super) fn is_loopback(&self) -> bool {
        match self.0.host_str() {
            Some("localhost") => true,
            Some(host) => {
                host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            None => false,
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, base: &str) {
        assert_eq!(BaseUrl::parse(text).expect(text).to_string(), base);
    }

    #[test]
    fn what_a_browser_shows_is_a_base_url() {
        check("http://airflow:8080", "http://airflow:8080");
        check("http://airflow:8080/home", "http://airflow:8080");
        check(" https://a.example/team/x/ ", "https://a.example/team/x");
        check("https://a.example/team/api/v1/?x=1#y", "https://a.example/team");
    }

    #[test]
    fn parts_are_escaped_below_the_prefix() {
        let base = BaseUrl::parse("https://a.example/team").expect("a URL");
        assert_eq!(
            base.join(["api", "v1", "dags", "a/b ?"]).as_str(),
            "https://a.example/team/api/v1/dags/a%2Fb%20%3F"
        );
        let root = BaseUrl::parse("https://a.example").expect("a URL");
        assert_eq!(root.join(["api"]).as_str(), "https://a.example/api");
    }

    #[test]
    fn secrets_in_a_url_are_refused_and_not_repeated() {
        for text in ["http://admin:hunter2@airflow:8080", "admin:hunter2@airflow", "http://hunter2@x/?token=hunter2"] {
            let error = BaseUrl::parse(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn loopback_is_seen() {
        for (text, loopback) in [
            ("http://localhost:1", true),
            ("http://127.0.0.5", true),
            ("http://[::1]:8", true),
            ("http://10.0.0.1", false),
            ("http://airflow", false),
        ] {
            assert_eq!(BaseUrl::parse(text).expect(text).is_loopback(), loopback, "{text}");
        }
    }
}
