//! The web session of Airflow 2: the log-in page's form with its CSRF token, and the cookie that a
//! browser would get.

use super::{Authority, cookie};
use crate::airflow::client::{Client, Payload, Raw};
use crate::airflow::error::{Api, Error};
use crate::secret::Secret;
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Method, Url};
use std::collections::BTreeMap;

/// Logs in as a person would. A wrong password leads back to the form, a right one away from it.
pub(super) async fn log_in(client: &mut Client<'_>, username: &str, password: &Secret) -> Result<Authority, Error> {
    let url = client.below_base(&["login", ""]);
    let page = client.exchange(&Method::GET, url.clone(), &Payload::None, &Authority::Nothing).await?;
    let mut cookies = Cookies::default();
    cookies.take(&page);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    if page.status != 200 || field(&html, "password").is_none() {
        return Err(Error::NoForm { url: page.url, status: page.status });
    }
    let mut form = vec![("username", username.to_string()), ("password", password.expose().to_string())];
    if let Some(token) = field(&html, "csrf_token").and_then(|tag| attribute(tag, "value")) {
        form.push(("csrf_token", token.to_string()));
    }
    let body = encoded(&url, &form);
    let authority = cookies.authority()?;
    let answer = client.exchange(&Method::POST, url.clone(), &Payload::Form(&body), &authority).await?;
    cookies.take(&answer);
    if answer.status == 429 {
        return Err(answer.error(Api::V1));
    }
    if !leads_away(&answer, &url) {
        return Err(Error::Refused { url: answer.url, status: answer.status, api: Api::V1 });
    }
    cookies.authority()
}

/// Whether the answer leads to another page than the log-in's.
fn leads_away(answer: &Raw, login: &Url) -> bool {
    let to = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = to.and_then(|to| login.join(to).ok());
    let page = |url: &Url| url.path().trim_end_matches('/').to_string();
    matches!(answer.status, 302 | 303) && to.is_some_and(|to| page(&to) != page(login))
}

/// The input field of that name, with its attributes.
fn field<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let tags = html.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    tags.into_iter().find(|tag| attribute(tag, "name") == Some(name))
}

/// The value of an attribute of a tag, in either kind of quotes.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.match_indices(name).find_map(|(at, _)| {
        let before = tag[..at].chars().next_back();
        let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        before.is_none_or(char::is_whitespace).then(|| value[1..].split(quote).next())?
    })
}

/// The fields as a browser sends them.
fn encoded(url: &Url, form: &[(&str, String)]) -> Secret {
    let mut scratch = url.clone();
    scratch.query_pairs_mut().clear().extend_pairs(form);
    Secret::new(scratch.query().unwrap_or_default())
}

/// What the server gave to be sent back: to this server alone.
#[derive(Default)]
struct Cookies(BTreeMap<String, Secret>);

impl Cookies {
    fn take(&mut self, answer: &Raw) {
        for header in answer.headers.get_all(SET_COOKIE) {
            let Some((name, rest)) = header.to_str().ok().and_then(|text| text.split_once('=')) else { continue };
            let value = rest.split(';').next().unwrap_or_default().trim();
            self.0.insert(name.trim().to_string(), Secret::new(value));
        }
    }

    fn authority(&self) -> Result<Authority, Error> {
        if self.0.is_empty() {
            return Ok(Authority::Nothing);
        }
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
        cookie(&pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_the_form_is_found_however_it_is_written() {
        for html in [
            r#"<form><input id="csrf_token" name="csrf_token" type="hidden" value="abc.d-e_f"><input name="password">"#,
            r"<INPUT/><input type=hidden value = 'abc.d-e_f' name='csrf_token'/><input  name = 'password' >",
            "<input\n  name=\"csrf_token\"\n  value=\"abc.d-e_f\"\n/><input name=\"password\"/>",
        ] {
            let token = field(html, "csrf_token").and_then(|tag| attribute(tag, "value"));
            assert_eq!(token, Some("abc.d-e_f"), "{html}");
            assert!(field(html, "password").is_some(), "{html}");
        }
        for html in [
            "",
            "<input",
            "<input name",
            "<input name=",
            "<input name=\"",
            "<p>csrf_token</p>",
            "<input data-name=\"csrf_token\">",
        ] {
            assert_eq!(field(html, "csrf_token"), None, "{html}");
        }
    }

    #[test]
    fn fields_are_escaped() {
        let url = Url::parse("http://a/login/?next=x").expect("a URL");
        let body = encoded(&url, &[("username", "a&b".to_string()), ("password", "p= +é".to_string())]);
        assert_eq!(body.expose(), "username=a%26b&password=p%3D+%2B%C3%A9");
    }
}
