//! Which lines are told against a finding, whatever they are drawn in: those for what most likely stands
//! there, and each only once.

use super::super::attribution::{Guess, Hop, RegistryProduct, guess};
use super::super::finding::Finding;
use super::super::fixes::{Fix, elsewhere, fixes};
use super::super::judge::{Judged, is_of_host};
use super::super::kind::Kind;
use super::super::product::Product;
use super::super::words::Word;
use super::chain::{language, likely};
use super::format::Format;

pub(super) enum Changes {
    Nothing,
    /// The same lines as for a finding that was told before.
    AsFor(Kind),
    Lines {
        near: Vec<Fix>,
        /// Products whose lines are left out.
        others: Vec<&'static str>,
    },
}

/// What is told of a finding of the public walk; `before` are those that were told already.
pub(super) fn changes(
    finding: &Finding,
    before: &[&Finding],
    walks: &[Judged],
    format: Format,
) -> Changes {
    let all = likely_fixes(finding, walks);
    if all.is_empty() {
        return Changes::Nothing;
    }
    let unsorted = |kind| public_fixes(kind, walks);
    let own = unsorted(finding.kind);
    if let Some(other) = before.iter().find(|other| unsorted(other.kind) == own) {
        return Changes::AsFor(other.kind);
    }
    // The likeliest has lines, or else the one that stands in most chains.
    let first = all.first().map(|fix| fix.product);
    let (near, far): (Vec<Fix>, Vec<Fix>) = all
        .into_iter()
        .partition(|fix| format == Format::All || first == Some(fix.product));
    let mut others: Vec<&str> = far.iter().map(|fix| fix.product.name()).collect();
    others.dedup();
    Changes::Lines { near, others }
}

/// What stands beside the lines where the likeliest hop has none: what to change there, or that nothing is
/// known of it.
pub(super) fn without_lines(finding: &Finding, walks: &[Judged]) -> Option<String> {
    let fixes = public_fixes(finding.kind, walks);
    let has_lines = |product| fixes.iter().any(|fix| fix.product == product);
    let is_without = |hop: &Hop| !hop.product().is_some_and(has_lines) && *hop != Hop::Harbormouth;
    let hop = likely(finding, walks).filter(is_without)?;
    let language = language(walks);
    let known = elsewhere(finding.kind, hop, language).map(str::to_owned);
    known.or_else(|| {
        let others_have = !fixes.is_empty();
        others_have.then(|| Word::NoLinesFor.filled(language, &[("hop", &hop.as_str())]))
    })
}

/// The lines that help, the likeliest product's first.
pub(super) fn likely_fixes(finding: &Finding, walks: &[Judged]) -> Vec<Fix> {
    sorted(
        public_fixes(finding.kind, walks),
        &first_products(finding, walks),
    )
}

fn public_fixes(kind: Kind, walks: &[Judged]) -> Vec<Fix> {
    let public = walks.first();
    public.map_or_else(Vec::new, |public| {
        fixes(kind, public.walk.typed_target(), language(walks))
    })
}

/// Whose lines help most likely: who stands where it happens, and Harbor where it is one.
fn first_products(finding: &Finding, walks: &[Judged]) -> Vec<Product> {
    let mut products: Vec<Product> = likely(finding, walks)
        .and_then(|hop| hop.product())
        .into_iter()
        .collect();
    let is_harbor = walks.iter().any(|judged| {
        let Guess { registry, .. } = guess(&judged.walk);
        registry == Some(RegistryProduct::Harbor)
    });
    if is_harbor && !products.is_empty() {
        let is_of_host = walks.first().is_some_and(|public| is_of_host(&public.walk));
        let is_harbors_own = match finding.kind {
            Kind::RealmScheme | Kind::RealmUnstable => true,
            Kind::RealmHost => !is_of_host,
            _ => false,
        };
        let at = if is_harbors_own { 0 } else { products.len() };
        products.insert(at, Product::Harbor);
    }
    products
}

/// The likely products in front, the others behind them as they were; one product's stay together.
fn sorted(mut fixes: Vec<Fix>, first: &[Product]) -> Vec<Fix> {
    let order: Vec<Product> = fixes.iter().map(|fix| fix.product).collect();
    let place = |product: Product| {
        let likely = first.iter().position(|one| *one == product);
        let usual = order.iter().position(|one| *one == product);
        (likely.unwrap_or(usize::MAX), usual)
    };
    fixes.sort_by_key(|fix| place(fix.product));
    fixes
}
