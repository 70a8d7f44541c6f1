//! Where the content comes from, with the credential cut off.

use super::GitError;
use crate::secret::Secret;
use crate::switch::off;
use std::fmt;

/// User and password, or a token in place of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user; the forges take any for a token, or the token itself.
    pub username: Secret,
    /// The password or token; may be empty.
    pub password: Secret,
}

impl Credentials {
    /// A forge's token: GitLab and GitHub both take it as password of the user `oauth2`.
    pub fn token(token: Secret) -> Self {
        Self { username: Secret::new("oauth2"), password: token }
    }
}

/// The address of a repository: a path, `file://`, `https://`, `http://` or ssh (both forms).
///
/// A user, password or token in an http address (R13, R22) is taken out when it enters and kept
/// as [`Credentials`]; what is shown or handed to the library is the rest.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    url: gix::Url,
    shown: String,
    credentials: Option<Credentials>,
}

impl Source {
    /// Reads an address as git would.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let unusable = |problem: &str| GitError::Unusable {
            what: "the source",
            problem: problem.to_string(),
            value: without_userinfo(text),
        };
        let mut url = gix::url::parse(text).map_err(|_| unusable("it is neither a path nor a URL"))?;
        let mut credentials = None;
        match url.scheme {
            gix::url::Scheme::Https | gix::url::Scheme::Http => {
                let user = url.user().unwrap_or_default().to_string();
                let password = url.password().unwrap_or_default().to_string();
                url.set_user(None);
                url.set_password(None);
                if !user.is_empty() || !password.is_empty() {
                    credentials = Some(Credentials { username: Secret::new(user), password: Secret::new(password) });
                }
                if credentials.is_some() && url.scheme == gix::url::Scheme::Http {
                    return Err(unusable("a credential would be sent unencrypted"));
                }
            }
            gix::url::Scheme::Ssh => {
                // A password cannot be given to ssh; it must not travel further either.
                url.set_password(None);
            }
            gix::url::Scheme::File => {}
            _ => return Err(unusable("only paths, file, https, http and ssh are supported")),
        }
        let shown = if off("R22") { text.to_string() } else { url.to_bstring().to_string() };
        Ok(Self { url, shown, credentials })
    }

    pub(super) fn url(&self) -> &gix::Url {
        &self.url
    }

    /// What git would ask a credential helper.
    pub(super) fn question(&self) -> String {
        let host = self.url.host().unwrap_or_default();
        let port = self.url.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.url.path.to_string();
        let path = path.trim_start_matches('/');
        format!("protocol={}\nhost={host}{port}\npath={path}\n\n", self.url.scheme.as_str())
    }

    /// The credential that the address carried.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {:?})", self.shown, self.credentials)
    }
}

/// Cuts everything between the scheme and the last `@` of the authority, for texts that are not
/// well-formed enough to be parsed.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // `token@host:path`: a user of ssh is no secret, a colon in front of the `@` may be one.
        return match text.rsplit_once('@') {
            Some((user, rest)) if user.contains(':') => rest.to_string(),
            _ => text.to_string(),
        };
    };
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    // A secret may itself hold a slash that should have been escaped: then the `@` comes later.
    match (authority.rsplit_once('@'), rest.rsplit_once('@')) {
        (Some((_, host)), _) => match path {
            Some(path) => format!("{scheme}://{host}/{path}"),
            None => format!("{scheme}://{host}"),
        },
        (None, Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, None) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_in_the_address_never_shows() {
        for text in [
            "https://bot:s3cret@git.example.com/team/content.git",
            "https://s3cret@git.example.com/team/content.git",
            "https://bot:s3cret@git.example.com:8443/team/content.git",
            "ssh://git:s3cret@git.example.com/team/content.git",
        ] {
            let source = Source::parse(text).unwrap();
            assert!(!format!("{source} {source:?}").contains("s3cret"), "{source:?}");
            assert!(source.to_string().ends_with("/team/content.git"), "{source}");
        }
        let source = Source::parse("https://bot:s3%2Fcret@git.example.com/c").unwrap();
        assert_eq!(source.credentials().unwrap().password.expose(), "s3/cret");
        for bad in [
            "http://bot:s3cret@git.example.com/c",
            "ftp://bot:s3cret@git.example.com/c",
            "https://bot:s3cret@:bad port/c",
            "https://bot:s3cret/x@host/c",
        ] {
            if let Err(error) = Source::parse(bad) {
                assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
            } else {
                assert!(!format!("{:?}", Source::parse(bad)).contains("s3cret"), "{bad}");
            }
        }
        assert!(Source::parse("http://bot:s3cret@git.example.com/c").is_err());
    }

    #[test]
    fn addresses_that_git_knows_are_known() {
        for text in ["/srv/git/content.git", "../content", "file:///srv/git/content.git", "git@host:team/content.git"] {
            let source = Source::parse(text).unwrap();
            assert_eq!(source.credentials(), None);
            assert_eq!(source.to_string(), text);
        }
    }
}
