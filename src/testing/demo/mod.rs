//! `harbormouth demo`: one push, told three times, on the loopback interface.
//!
//! A Harbor (a fake one), a second proxy that breaks pushes the way many do, the gateway as a
//! process of its own, and a registry client with containerd's rules. Every claim it prints has
//! been checked against what happened; if anything differs, it fails and names the difference.

mod client;
mod gateway;
mod push;
mod report;
mod stage;

use crate::oci::sample::content::Pattern;
use crate::oci::sample::image::Image;
use crate::system::signals::Signals;
use crate::testing::fake_harbor::proxy::FakeProxy;
use anyhow::{Context, bail, ensure};
use client::DemoClient;
use gateway::DemoGateway;
use http::Method;
use push::StepFailure;
use report::DemoReport;
use stage::{DemoStage, NAME};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Of a layer: large enough that an early refusal comes while it is being sent.
const LAYER: u64 = 64 * 1024 * 1024;

/// What is said when anything happens otherwise.
const OTHERWISE: &str = "the demo did not go as described";

/// How the demo is run.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// End when the story is told, in place of serving until Ctrl-C.
    pub once: bool,
    /// The binary whose `serve` is shown: this one, usually.
    pub gateway: PathBuf,
}

/// Tells the story, and then serves until Ctrl-C unless it shall end.
///
/// # Errors
/// When anything goes otherwise than told, or a part doesn't start; with an interruption as well.
pub async fn run(options: DemoOptions) -> anyhow::Result<()> {
    let report = DemoReport::to_stdout();
    // Dropping the story ends the gateway and removes the files.
    let scene = tokio::select! {
        scene = tell(&options, &report) => scene?,
        () = interrupted() => bail!("interrupted"),
    };
    if !options.once {
        stay(&report, &scene)?;
        interrupted().await;
    }
    scene.gateway.stop().await;
    scene.hop.stop().await;
    scene.stage.stop().await;
    Ok(())
}

/// Everything that runs.
struct Scene {
    stage: DemoStage,
    gateway: DemoGateway,
    hop: FakeProxy,
}

async fn tell(options: &DemoOptions, report: &DemoReport) -> anyhow::Result<Scene> {
    report.title(
        "Harbormouth demo",
        "one push, three ways, all on this machine",
    )?;
    let stage = DemoStage::build().await?;
    let gateway = DemoGateway::start(&options.gateway, &stage).await?;
    let hop = stage.hop_before(gateway.https).await?;
    report.cast(&[
        (
            "Harbor",
            format!("http://{}", stage.harbor.address()),
            "a stand-in, in memory",
        ),
        (
            "proxy",
            format!("https://{}", stage.proxy.address()),
            "writes names as name:443",
        ),
        (
            "Harbormouth",
            format!("https://{}", gateway.https),
            "this binary's `serve`",
        ),
    ])?;
    straight_through(&stage, report).await?;

    report.act(
        2,
        "With Harbormouth in front of the same proxy",
        "client → Harbormouth → proxy → Harbor",
    )?;
    let before = gateway.repairs().await?;
    round_trip(&client(&stage, gateway.https)?, 2, report).await?;
    let repairs = gateway.repairs().await?;
    let done = gateway::difference(&before, &repairs);
    let is_repaired = done.iter().any(|(kind, _)| kind.starts_with("location"));
    ensure!(is_repaired, "{OTHERWISE}: no Location was repaired");
    report.repairs(&done)?;
    report.say("\nLocation has become a path: it is valid for every host that clients type.")?;

    report.act(
        3,
        "And with such a proxy on either side",
        "client → proxy → Harbormouth → proxy → Harbor",
    )?;
    round_trip(&client(&stage, hop.address())?, 3, report).await?;
    report.repairs(&gateway::difference(&repairs, &gateway.repairs().await?))?;
    report.say("\nA path contains no host that the proxy in front could change.")?;
    report.heading("All three went as described.")?;
    report.say(
        "To find what breaks pushes to your own registry, and at which hop:\n\
         \x20 harbormouth doctor https://your-registry --repository project/name\n",
    )?;
    Ok(Scene {
        stage,
        gateway,
        hop,
    })
}

/// The push that must fail, and why it does.
async fn straight_through(stage: &DemoStage, report: &DemoReport) -> anyhow::Result<()> {
    report.act(1, "Straight through the proxy", "client → proxy → Harbor")?;
    let client = client(stage, stage.proxy.address())?;
    let failure = match push::push(&client, &image(1), report).await {
        Ok(()) => bail!("{OTHERWISE}: the broken proxy's push worked"),
        Err(error) => error.downcast::<StepFailure>()?,
    };
    let told = failure.method == Method::PUT
        && failure.status == 401
        && failure
            .message
            .contains("unauthorized to access repository")
        && failure.target.starts_with(&format!("https://{NAME}:443/"));
    ensure!(
        told,
        "{OTHERWISE}: the push failed, but in another way: {failure}"
    );
    let location: String = failure.target.chars().take(66).collect();
    report.why(&format!(
        "The client was told to push to \"{NAME}\". The proxy passed Host\n\
         \"{NAME}:443\" on, and Harbor built the upload's Location from it:\n\
         \x20 {location}…\n\
         To a program that compares text this is another host, so the client\n\
         (as containerd and docker do) sent no Authorization there, and Harbor\n\
         got a PUT without a user."
    ))
}

fn client(stage: &DemoStage, address: SocketAddr) -> anyhow::Result<DemoClient> {
    Ok(DemoClient::new(NAME, address, stage.authority.client()?))
}

/// Each seed is another image, so that nothing is there already.
fn image(seed: u64) -> Image {
    Image::new(Pattern { seed, size: LAYER })
}

/// A push and a pull that work.
async fn round_trip(client: &DemoClient, seed: u64, report: &DemoReport) -> anyhow::Result<()> {
    let image = image(seed);
    push::push(client, &image, report)
        .await
        .context(OTHERWISE)?;
    push::pull(client, &image, report).await.context(OTHERWISE)
}

fn stay(report: &DemoReport, scene: &Scene) -> anyhow::Result<()> {
    let Scene { stage, gateway, .. } = scene;
    let port = gateway.https.port();
    let files = stage.directory().display();
    report.say("Still serving; Ctrl-C ends it.\n")?;
    report.cast(&[
        (
            "registry",
            format!("https://{NAME}:{port}"),
            "alice / Alice12345, project lab",
        ),
        (
            "page",
            format!("http://{}/", gateway.admin),
            "what was pushed, what failed, and why",
        ),
        ("metrics", format!("http://{}/metrics", gateway.admin), ""),
        ("files", format!("{files}"), ""),
        (
            "",
            "ca.pem (to trust), harbormouth.yaml, harbormouth.log".into(),
            "",
        ),
    ])?;
    report.say(&format!(
        "\ncurl -i --cacert {files}/ca.pem \\\n\
         \x20 -u alice:Alice12345 https://{NAME}:{port}/v2/lab/demo/tags/list\n"
    ))
}

/// Ctrl-C, or being told to go in another way.
async fn interrupted() {
    match Signals::new() {
        Ok(mut signals) => drop(signals.next().await),
        // Without handlers the default holds, and that ends the process.
        Err(_) => std::future::pending().await,
    }
}
