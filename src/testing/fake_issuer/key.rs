//! Key pairs that sign tokens, of each kind that issuers have.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A key pair with the name that its public half has.
pub struct IssuerKey {
    pub id: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaPrivateKey>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why there is no key: the system has no random bytes, which ends a test.
#[derive(Debug, thiserror::Error)]
#[error("no key could be made")]
pub struct NoKey;

impl IssuerKey {
    /// RSA with 2048 bits, as GitHub and GitLab have.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn rsa(id: &str) -> Result<IssuerKey, NoKey> {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048);
        let key = key.map_err(|_| NoKey)?;
        Ok(IssuerKey::of(id, Pair::Rsa(Box::new(key))))
    }

    /// # Errors
    /// When there is no randomness.
    pub fn p256(id: &str) -> Result<IssuerKey, NoKey> {
        let pair = ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(IssuerKey::of(id, Pair::P256(pair)))
    }

    /// # Errors
    /// When there is no randomness.
    pub fn p384(id: &str) -> Result<IssuerKey, NoKey> {
        let pair = ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)?;
        Ok(IssuerKey::of(id, Pair::P384(pair)))
    }

    /// # Errors
    /// When there is no randomness.
    pub fn ed25519(id: &str) -> Result<IssuerKey, NoKey> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| NoKey)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| NoKey)?;
        Ok(IssuerKey::of(id, Pair::Ed25519(pair)))
    }

    fn of(id: &str, pair: Pair) -> IssuerKey {
        IssuerKey {
            id: id.to_owned(),
            pair,
        }
    }

    /// The algorithm that it signs with unless told otherwise.
    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// Its public half, as a key set has it.
    pub fn public(&self) -> Value {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |pair: &EcdsaKeyPair, curve| {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) })
        };
        let mut key = match &self.pair {
            Pair::Rsa(key) => json!({
                "kty": "RSA",
                "n": encoded(&key.n().to_bytes_be()),
                "e": encoded(&key.e().to_bytes_be()),
            }),
            Pair::P256(pair) => point(pair, "P-256"),
            Pair::P384(pair) => point(pair, "P-384"),
            Pair::Ed25519(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()),
            }),
        };
        key["kid"] = self.id.as_str().into();
        key["use"] = "sig".into();
        key["alg"] = self.algorithm().into();
        key
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.id });
        self.sign_with(&header, claims)
    }

    /// A token with this header, which may say what it wants; RSA hashes as its `alg` says.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let algorithm = header["alg"].as_str().unwrap_or_default();
        let signature = self.signature(algorithm, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Empty where there is no randomness: no token is signed by that.
    fn signature(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let ecdsa = |pair: &EcdsaKeyPair| {
            let signature = pair.sign(&SystemRandom::new(), signed);
            signature.map_or_else(|_| Vec::new(), |it| it.as_ref().to_vec())
        };
        match &self.pair {
            Pair::Rsa(key) => {
                let signature = match algorithm {
                    "RS384" => key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(signed)),
                    "RS512" => key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(signed)),
                    _ => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(signed)),
                };
                signature.unwrap_or_default()
            }
            Pair::P256(pair) | Pair::P384(pair) => ecdsa(pair),
            Pair::Ed25519(pair) => pair.sign(signed).as_ref().to_vec(),
        }
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, NoKey> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| NoKey)?;
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).map_err(|_| NoKey)
}
