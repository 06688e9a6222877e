//! What real clients make of rules: the words of a denial in their terminals, and rates that they survive.

use crate::chain::{Chain, PLAIN, Place, Plan};
use crate::clients::{Client, Outcome, PATIENCE, Reference, Tool as _};
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
    rate: { per: client, requests: 20/s, burst: 2, bytes: 2MiB/s }
",
    ..PLAIN
};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let clients = Client::ALL.into_iter();
    clients
        .map(|client| {
            let name = format!("ruled::{}", client.name());
            trial(world, name, move |world| ruled(world, client))
        })
        .collect()
}

fn ruled(world: &World, client: Client) {
    let chain = Chain::start(world, RULED, Place::BeforeTheHop);
    let login = chain.harbor.login();
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &[200_000, 3_000]);
    let at = |repository: &str| Reference {
        repository: repository.to_owned(),
        ..chain.reference()
    };

    // Slower than it would be, and whole.
    let open = at("lab/open");
    let pushed = client.push(world, &image, &open, &login, PATIENCE);
    let pushed = pushed.expect("push").manifest;
    let pulled = client.pull(world, &open, &login, PATIENCE).expect("pull");
    assert_eq!(pulled.manifest, pushed);

    let said = failed(client.push(world, &image, &at("lab/closed"), &login, PATIENCE));
    assert!(
        said.contains("the release is frozen until Monday"),
        "{said}"
    );
    let said = failed(client.pull(world, &at("lab/vault"), &login, PATIENCE));
    let words = "the rule \"nobody reads the vault\" of this registry doesn't allow it";
    let is_quoted = said.replace("\\\"", "\"").contains(words);
    // A HEAD has no body: who asks no other way sees the status alone.
    assert!(is_quoted || said.contains("403"), "{said}");

    let gateway = chain.gateway.as_ref().expect("a gateway");
    let denied = [("rule", "closed for the release"), ("decision", "deny")];
    assert!(gateway.metric("harbormouth_rule_decisions_total", &denied) >= 1.0);
}

fn failed<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Outcome::Failed(said) => said,
        Outcome::Hanging(said) => panic!("it hangs:\n{said}"),
        Outcome::Done(_) => panic!("it went through"),
    }
}
