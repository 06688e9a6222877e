//! A headless Chromium with a fresh profile, driven through chromedriver. Both are children that
//! can't outlive the tests; Chromium is started here and not by its driver, which would leave it
//! behind if it were killed.

use crate::common::process::Process;
use crate::common::{tools, wait};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What may take long only on a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Browsers at a time: each is half a dozen processes.
static BROWSERS: Semaphore = Semaphore::const_new(2);

#[derive(Clone, Copy)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        }
    }
}

pub struct Browser {
    client: Client,
    origin: String,
    _driver: Process,
    _chromium: Process,
    _profile: TempDir,
    _permit: SemaphorePermit<'static>,
}

impl Browser {
    /// Opens the page at `address`, on a desktop's screen and in the light.
    pub async fn open(address: SocketAddr, hash: &str) -> Browser {
        tools::require(&["chromium", "chromedriver"]);
        let permit = BROWSERS.acquire().await.expect("a place for a browser");
        let profile = TempDir::new().expect("a directory");
        let (chromium, debugger) = chromium(profile.path());
        let (driver, port) = chromedriver();
        let capabilities = json!({
            "goog:chromeOptions": { "debuggerAddress": debugger },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("an object was written")
        };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session");
        let origin = format!("http://{address}/");
        let browser = Browser {
            client,
            origin: origin.clone(),
            _driver: driver,
            _chromium: chromium,
            _profile: profile,
            _permit: permit,
        };
        browser.screen(1280, Scheme::Light).await;
        browser
            .client
            .goto(&format!("{origin}{hash}"))
            .await
            .expect("open the page");
        browser
    }

    /// The screen's width and what the reader prefers.
    pub async fn screen(&self, width: u32, scheme: Scheme) {
        self.screen_of((width, 900), scheme).await;
    }

    /// The same, with the height.
    pub async fn screen_of(&self, (width, height): (u32, u32), scheme: Scheme) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme.as_str() },
            // No animation stands half-way in a screenshot.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.cdp("Emulation.setEmulatedMedia", media).await;
    }

    /// What a function body returns in the page.
    pub async fn js(&self, body: &str) -> Value {
        self.client
            .execute(body, Vec::new())
            .await
            .unwrap_or_else(|e| panic!("{body}: {e}"))
    }

    /// The visible text of the first element.
    pub async fn text(&self, selector: &str) -> String {
        let body = format!("return document.querySelector({selector:?})?.innerText ?? null");
        let text = self.js(&body).await;
        let text = text.as_str().unwrap_or_else(|| panic!("no {selector}"));
        // Numbers and their units are held together.
        text.replace('\u{a0}', " ")
    }

    pub async fn count(&self, selector: &str) -> u64 {
        let body = format!("return document.querySelectorAll({selector:?}).length");
        self.js(&body).await.as_u64().expect("a number")
    }

    /// Waits until the visible text of `selector` contains `wanted`.
    pub async fn says(&self, selector: &str, wanted: &str) {
        let start = Instant::now();
        loop {
            let body = format!("return document.querySelector({selector:?})?.innerText ?? ''");
            let text = self.js(&body).await;
            let text = text.as_str().unwrap_or_default().replace('\u{a0}', " ");
            if text.contains(wanted) {
                return;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{selector} doesn't say {wanted:?} but\n{text}\n{:?}",
                self.console().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an expression is true.
    pub async fn becomes(&self, expression: &str) {
        let start = Instant::now();
        while self.js(&format!("return Boolean({expression})")).await != json!(true) {
            assert!(start.elapsed() < PATIENCE, "never: {expression}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A click as a reader's.
    pub async fn click(&self, selector: &str) {
        let element = self.client.find(fantoccini::Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|e| panic!("{selector}: {e}"));
        element
            .click()
            .await
            .unwrap_or_else(|e| panic!("{selector}: {e}"));
    }

    /// A key pressed where the focus is.
    pub async fn press(&self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "char", "keyUp"] {
            let text = match (kind, key) {
                ("char", "Enter") => "\r",
                ("char", " ") => " ",
                ("char", _) => continue,
                _ => "",
            };
            let event = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text,
            });
            self.cdp("Input.dispatchKeyEvent", event).await;
        }
    }

    /// What the console said that a page without a fault doesn't say: errors, and what the policy
    /// forbade. Each is given once.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        let level = |entry: &Value| entry["level"].as_str().unwrap_or_default().to_owned();
        let loud = entries
            .iter()
            .filter(|entry| matches!(level(entry).as_str(), "SEVERE" | "WARNING"));
        loud.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The addresses that were asked for since the last look, but those of the page's own origin
    /// and of what stands in the page itself.
    pub async fn foreign_requests(&self) -> (usize, Vec<String>) {
        let mut own = 0;
        let mut foreign = Vec::new();
        for entry in self.log("performance").await {
            let message: Value =
                serde_json::from_str(entry["message"].as_str().unwrap_or_default())
                    .expect("an event");
            let event = &message["message"];
            if event["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = event["params"]["request"]["url"]
                .as_str()
                .unwrap_or_default();
            if url.starts_with(&self.origin) {
                own += 1;
            } else if !url.starts_with("data:") {
                foreign.push(url.to_owned());
            }
        }
        (own, foreign)
    }

    /// The whole page as a picture in `target/page`, for people to look at.
    pub async fn picture(&self, name: &str) {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        self.capture(&format!("{name}.png"), whole).await;
    }

    /// What is on the screen, likewise.
    pub async fn screenshot(&self, name: &str) {
        self.capture(&format!("{name}.png"), json!({ "format": "png" }))
            .await;
    }

    /// The page down to the end of its first `selector`, small enough for a document; gives how many
    /// bytes that are.
    pub async fn picture_down_to(&self, name: &str, selector: &str) -> usize {
        let width = self.js("return document.documentElement.clientWidth").await;
        let end = format!(
            "return document.querySelector({selector:?}).getBoundingClientRect().bottom + scrollY + 16"
        );
        let height = self.js(&end).await;
        let top = json!({
            "format": "webp", "quality": 80, "captureBeyondViewport": true,
            "clip": { "x": 0, "y": 0, "width": width, "height": height, "scale": 1 },
        });
        self.capture(&format!("{name}.webp"), top).await
    }

    async fn capture(&self, file: &str, what: Value) -> usize {
        use base64::Engine;
        let shown = self.cdp("Page.captureScreenshot", what).await;
        let data = shown["data"].as_str().expect("a picture");
        let picture = base64::engine::general_purpose::STANDARD
            .decode(data)
            .expect("base64");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page");
        std::fs::create_dir_all(&folder).expect("target/page");
        std::fs::write(folder.join(file), &picture).expect("write the picture");
        picture.len()
    }

    pub async fn reload(&self) {
        self.client.refresh().await.expect("reload");
    }

    /// Chrome's own protocol.
    pub async fn cdp(&self, method: &str, params: Value) -> Value {
        let command = Extension {
            path: "goog/cdp/execute",
            body: json!({ "cmd": method, "params": params }),
        };
        self.client
            .issue_cmd(command)
            .await
            .unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let command = Extension {
            path: "se/log",
            body: json!({ "type": kind }),
        };
        let entries = self.client.issue_cmd(command).await;
        let entries = entries.unwrap_or_else(|e| panic!("the {kind} log: {e}"));
        entries.as_array().cloned().unwrap_or_default()
    }
}

/// Starts Chromium; gives the address of its debugger.
fn chromium(profile: &Path) -> (Process, String) {
    let mut command = Command::new(tools::path("chromium"));
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--remote-debugging-port=0",
    ]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.arg("about:blank");
    // Its helpers keep their state there too.
    command.env("HOME", profile);
    let mut chromium = Process::start("chromium", command);
    let debugger = chromium.wait_for("its debugger", PATIENCE, |_, stderr| {
        let (_, rest) = stderr.split_once("DevTools listening on ws://")?;
        let (address, _) = rest.split_once('/')?;
        Some(address.to_owned())
    });
    (chromium, debugger)
}

/// Starts chromedriver; gives its port. It wants the port that it was given for IPv4 for IPv6 as well, and
/// ends where somebody else has that.
fn chromedriver() -> (Process, u16) {
    for _ in 0..5 {
        let mut command = Command::new(tools::path("chromedriver"));
        command.arg("--port=0");
        let mut driver = Process::start("chromedriver", command);
        let port = wait::until("chromedriver's port, or its end", PATIENCE, || {
            let ended = driver.ended();
            let port = port_in(&driver.stdout());
            (port.is_some() || ended.is_some()).then_some(port)
        });
        if let Some(port) = port {
            return (driver, port);
        }
    }
    panic!("chromedriver found no port five times");
}

fn port_in(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("started successfully on port ")?;
    rest.split_once('.')?.0.trim().parse().ok()
}

/// A command of chromedriver that WebDriver doesn't have.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// Looks until `look` is true.
pub async fn until(what: &str, mut look: impl FnMut() -> bool) {
    wait::until_async(PATIENCE, || look().then_some(()), || what.to_owned()).await;
}
