//! The keys that an issuer publishes (RFC 7517), and whether one of them signed a token.
//!
//! A key says itself what it is for: its type decides which algorithms fit, whatever a token's header
//! says. Keys that aren't understood, or are for something else, are left out one by one: issuers publish
//! keys for others as well.

use super::algorithm::Algorithm;
use super::jwt::Jwt;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

/// Issuers publish two to ten. A token that names no key is tried with each of its kind, so that this
/// is also how many signatures one token can cost: about a millisecond.
const MOST_KEYS: usize = 32;

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The only one that it is for, where it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Why a document is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeysFlaw {
    #[error("its keys are no JSON Web Key Set")]
    Unreadable,
    #[error("it publishes more than {MOST_KEYS} keys")]
    TooMany,
    #[error("it publishes no key that a token could be signed with here")]
    NoneUsable,
}

/// Why no key signed a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureFlaw {
    /// None of the keys is the one that it names.
    UnknownKey,
    /// The key that it names didn't sign it.
    Wrong,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// The members that are read of one key.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a JSON Web Key Set.
    ///
    /// # Errors
    /// Where there is none, or none that can be used.
    pub(crate) fn read(document: &[u8]) -> Result<KeySet, KeysFlaw> {
        let read: Result<Document, _> = serde_json::from_slice(document);
        let document = read.map_err(|_| KeysFlaw::Unreadable)?;
        if document.keys.len() > MOST_KEYS {
            return Err(KeysFlaw::TooMany);
        }
        let keys: Vec<Key> = document.keys.into_iter().filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err(KeysFlaw::NoneUsable);
        }
        Ok(KeySet(keys))
    }

    /// Whether the key that a token names is here; of one that names none, whether any is of its kind.
    pub(crate) fn knows(&self, token: &Jwt<'_>) -> bool {
        self.named(token).next().is_some()
    }

    /// Verifies a token's signature.
    ///
    /// # Errors
    /// Where it isn't one of these keys'.
    pub(crate) fn verify(&self, token: &Jwt<'_>) -> Result<(), SignatureFlaw> {
        if !self.knows(token) {
            return Err(SignatureFlaw::UnknownKey);
        }
        let mut fitting = self.named(token).filter(|key| key.fits(token.algorithm));
        let is_signed = fitting.any(|key| key.signed(token));
        is_signed.then_some(()).ok_or(SignatureFlaw::Wrong)
    }

    fn named<'a>(&'a self, token: &'a Jwt<'_>) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(|key| match &token.key {
            Some(named) => key.id.as_ref() == Some(named),
            None => key.fits(token.algorithm),
        })
    }
}

impl Key {
    fn read(document: Value) -> Option<Key> {
        let jwk: Jwk = serde_json::from_value(document).ok()?;
        let is_for_signatures = jwk
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig");
        let verifies = |operations: &Vec<String>| operations.iter().any(|one| one == "verify");
        if !is_for_signatures || !jwk.key_ops.as_ref().is_none_or(verifies) {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(word) => Some(Algorithm::parse(word)?),
            None => None,
        };
        let key = Key {
            material: Material::read(&jwk)?,
            algorithm,
            id: jwk.kid,
        };
        // One that is for an algorithm of another type is for none.
        algorithm.is_none_or(|it| key.fits(it)).then_some(key)
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_of_its_type = match algorithm {
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => {
                matches!(self.material, Material::Rsa { .. })
            }
            Algorithm::Es256 => matches!(self.material, Material::P256(_)),
            Algorithm::Es384 => matches!(self.material, Material::P384(_)),
            Algorithm::EdDsa => matches!(self.material, Material::Ed25519(_)),
        };
        is_of_its_type && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn signed(&self, token: &Jwt<'_>) -> bool {
        match &self.material {
            Material::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                let Some(parameters) = rsa_parameters(token.algorithm) else {
                    return false;
                };
                let verified = key.verify(parameters, token.signed, &token.signature);
                verified.is_ok()
            }
            Material::P256(point) => verifies(&ECDSA_P256_SHA256_FIXED, point, token),
            Material::P384(point) => verifies(&ECDSA_P384_SHA384_FIXED, point, token),
            Material::Ed25519(point) => verifies(&ED25519, point, token),
        }
    }
}

/// Keys of 2048 bits at least (RFC 7518, 3.3).
fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

fn verifies(algorithm: &'static dyn VerificationAlgorithm, key: &[u8], token: &Jwt<'_>) -> bool {
    let key = UnparsedPublicKey::new(algorithm, key);
    key.verify(token.signed, &token.signature).is_ok()
}

impl Material {
    fn read(jwk: &Jwk) -> Option<Material> {
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Some(Material::Rsa {
                modulus: number(jwk.n.as_deref()?)?,
                exponent: number(jwk.e.as_deref()?)?,
            }),
            ("EC", Some("P-256")) => Some(Material::P256(point(jwk, 32)?)),
            ("EC", Some("P-384")) => Some(Material::P384(point(jwk, 48)?)),
            ("OKP", Some("Ed25519")) => Some(Material::Ed25519(sized(jwk.x.as_deref()?, 32)?)),
            // A shared secret (`oct`) would be no secret here.
            _ => None,
        }
    }
}

/// Without leading zeros, which some issuers write.
fn number(encoded: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

fn sized(encoded: &str, length: usize) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    (bytes.len() == length).then_some(bytes)
}

fn point(jwk: &Jwk, length: usize) -> Option<Vec<u8>> {
    const UNCOMPRESSED: u8 = 4;
    let (x, y) = (
        sized(jwk.x.as_deref()?, length)?,
        sized(jwk.y.as_deref()?, length)?,
    );
    Some([vec![UNCOMPRESSED], x, y].concat())
}

#[cfg(test)]
mod tests;
