//! What real clients make of rules: the words of a denial in their terminals, and rates that they survive.

use crate::chain::{Chain, PLAIN, Place, Plan};
use crate::clients::{Client, Outcome, PATIENCE, Reference, Today, Tool};
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

const RULED: Plan = Plan {
    settings: "rules:
  - name: closed for the release
    when: 'operation.writes && repository.startsWith(\"lab/closed\")'
    deny: { message: the release is frozen until Monday }
  - name: nobody reads the vault
    when: 'operation.reads && repository == \"lab/vault\"'
    deny: {}
  - name: pace
    when: 'surface == \"registry\"'
    rate: { per: client, requests: 10/s, burst: 1, bytes: 2MiB/s }
",
    ..PLAIN
};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let installed = Client::ALL.into_iter().map(|client| of(world, client));
    let today = Today::ALL.into_iter().map(|client| of(world, client));
    installed.chain(today).collect()
}

fn of<C: Tool + Send + 'static>(world: &Arc<World>, client: C) -> Trial {
    let name = format!("ruled::{}", client.name());
    trial(world, name, move |world| ruled(world, client))
}

fn ruled(world: &World, client: impl Tool) {
    let chain = Chain::start(world, RULED, Place::BeforeTheHop);
    let login = chain.harbor.login();
    let directory = world.directory("image");
    let layers = [200_000, 3_000, 3_100, 3_200, 3_300, 3_400, 3_500, 3_600];
    let image = Image::make(&directory.path().join("layout"), &layers);
    let at = |repository: &str| Reference {
        repository: repository.to_owned(),
        ..chain.reference()
    };

    // Slower than it would be, and whole: all layers are asked for at once, and nothing is refused.
    let open = at("lab/open");
    let pushed = client.push(world, &image, &open, &login, PATIENCE);
    let pushed = pushed.expect("push").manifest;
    let pulled = client.pull(world, &open, &login, PATIENCE).expect("pull");
    assert_eq!(pulled.manifest, pushed);
    let gateway = chain.gateway.as_ref().expect("a gateway");
    let decided = |rule, decision| {
        let labels = [("rule", rule), ("decision", decision)];
        gateway.metric("harbormouth_rule_decisions_total", &labels)
    };
    assert_eq!(decided("pace", "limited"), 0.0);

    let said = failed(client.push(world, &image, &at("lab/closed"), &login, PATIENCE));
    assert!(
        said.contains("the release is frozen until Monday"),
        "{said}"
    );
    assert!(decided("closed for the release", "deny") >= 1.0);
    let said = failed(client.pull(world, &at("lab/vault"), &login, PATIENCE));
    let words = "the rule \"nobody reads the vault\" of this registry doesn't allow it";
    let is_quoted = said.replace("\\\"", "\"").contains(words);
    // A HEAD has no body, and containerd asks no other way: it shows the status alone.
    let asks_by_head = client.modelled() == "containerd";
    assert_eq!(is_quoted, !asks_by_head, "{said}");
    assert!(is_quoted || said.contains("403 Forbidden"), "{said}");
}

fn failed<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Outcome::Failed(said) => said,
        Outcome::Hanging(said) => panic!("it hangs:\n{said}"),
        Outcome::Done(_) => panic!("it went through"),
    }
}
