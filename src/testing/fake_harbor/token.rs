//! The JSON Web Tokens of Harbor's token service: RS256, one key pair an instance.

pub(super) use crate::oci::challenge::SERVICE;
use crate::oci::scope::Action;
pub(super) use crate::oci::token::GrantedScope;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::EncodePublicKey;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const ISSUER: &str = "harbor-token-issuer";

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct IssuedClaims {
    pub(crate) iss: String,
    /// Absent in an anonymous caller's token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) exp: u64,
    pub(crate) nbf: u64,
    /// Harbor's own always have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<u64>,
    pub(crate) jti: String,
    pub(crate) access: Option<Vec<GrantedScope>>,
}

impl IssuedClaims {
    /// Of a token that is valid for `lifetime` seconds from `now` on.
    pub(super) fn new(
        account: Option<&str>,
        access: Option<Vec<GrantedScope>>,
        now: u64,
        lifetime: u64,
    ) -> IssuedClaims {
        IssuedClaims {
            iss: ISSUER.into(),
            sub: account.unwrap_or_default().into(),
            aud: SERVICE.into(),
            exp: now + lifetime,
            nbf: now,
            iat: Some(now),
            jti: uuid::Uuid::new_v4().simple().to_string()[..16].to_owned(),
            access,
        }
    }

    /// Whether it is older than something that was created at `created`, clocks being forgiven `leeway`
    /// seconds. Harbor refuses such a token from 2.13.5 on, and one that doesn't say how old it is: it
    /// was granted for another project of the same name, which was deleted since.
    pub(super) fn is_older_than(&self, created: u64, leeway: u64) -> bool {
        self.iat.is_none_or(|issued| issued + leeway < created)
    }

    /// Whether some scope of this project carries `action`: a token for one repository works in
    /// the whole project.
    pub(super) fn allows(&self, project: &str, action: Action) -> bool {
        self.access.iter().flatten().any(|access| {
            access.kind == "repository"
                && access.name.split('/').next() == Some(project)
                && access.actions.iter().any(|one| one == action.as_str())
        })
    }
}

/// The instance's key pair.
pub(super) struct TokenKey {
    private: RsaPrivateKey,
    public: RsaPublicKey,
    id: String,
}

impl TokenKey {
    pub(super) fn generate() -> Result<TokenKey, rsa::Error> {
        let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)?;
        let public = private.to_public_key();
        let der = public.to_public_key_der();
        let id = key_id(der.map_err(|_| rsa::Error::Internal)?.as_bytes());
        Ok(TokenKey {
            private,
            public,
            id,
        })
    }

    pub(super) fn mint(&self, claims: &IssuedClaims) -> Option<String> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let id = &self.id;
        let header = format!("{{\"alg\":\"RS256\",\"kid\":\"{id}\",\"typ\":\"JWT\"}}");
        let claims = encode(&serde_json::to_vec(claims).ok()?);
        let signed = format!("{}.{claims}", encode(header.as_bytes()));
        let hash = Sha256::digest(&signed);
        let signature = self.private.sign(Pkcs1v15Sign::new::<Sha256>(), &hash);
        Some(format!("{signed}.{}", encode(&signature.ok()?)))
    }

    /// The claims of a token that this instance signed and that is valid at `now`, clocks being
    /// forgiven `leeway` seconds.
    pub(super) fn verify(&self, token: &str, now: u64, leeway: u64) -> Option<IssuedClaims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let header: serde_json::Value = serde_json::from_slice(&decode(header)?).ok()?;
        if header.get("alg")?.as_str()? != "RS256" {
            return None;
        }
        let (scheme, hash) = (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(signed));
        let verified = self.public.verify(scheme, &hash, &decode(signature)?);
        verified.ok()?;
        let claims: IssuedClaims = serde_json::from_slice(&decode(claims)?).ok()?;
        let sound = claims.iss == ISSUER
            && claims.aud == SERVICE
            && now <= claims.exp + leeway
            && claims.nbf <= now + leeway;
        sound.then_some(claims)
    }
}

/// Libtrust's fingerprint: base32 of the first 240 bits of the key's hash, in groups of four.
fn key_id(der: &[u8]) -> String {
    let mut id = BASE32.encode(&Sha256::digest(der)[..30]);
    for colon in (4..id.len()).step_by(4).rev() {
        id.insert(colon, ':');
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_older_than_what_was_created_after_it_and_its_leeway() {
        let mut claims = IssuedClaims::new(Some("alice"), None, 1000, 1800);
        for (created, is_older) in [(0, false), (1000, false), (1060, false), (1061, true)] {
            assert_eq!(claims.is_older_than(created, 60), is_older, "{created}");
        }
        claims.iat = None;
        assert!(claims.is_older_than(0, 60), "it doesn't say");
    }

    #[test]
    fn only_sound_tokens_of_this_instance_are_taken() {
        let key = TokenKey::generate().unwrap();
        let other = TokenKey::generate().unwrap();
        let now = 1_000_000;
        let claims = IssuedClaims::new(Some("alice"), None, now, 1800);
        let sound = key.mint(&claims).unwrap();
        assert_eq!(key.verify(&sound, now, 60).unwrap().sub, "alice");
        assert_eq!(key.id.len(), 12 * 4 + 11, "{}", key.id);
        let with = |change: fn(&mut IssuedClaims)| {
            let mut changed = claims.clone();
            change(&mut changed);
            key.mint(&changed).unwrap()
        };
        let (signed, _) = sound.rsplit_once('.').unwrap();
        let (_, body) = signed.split_once('.').unwrap();
        let unsigned = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        for (name, token) in [
            ("another instance's", other.mint(&claims).unwrap()),
            ("wrong audience", with(|c| c.aud = "other".into())),
            ("wrong issuer", with(|c| c.iss = "other".into())),
            ("expired", with(|c| c.exp = 999_900)),
            ("not yet valid", with(|c| c.nbf = 1_000_100)),
            ("unsigned", unsigned),
            ("garbage", "garbage".into()),
            ("empty", String::new()),
        ] {
            assert!(key.verify(&token, now, 60).is_none(), "{name}");
        }
        let late = with(|c| c.exp = 999_950);
        assert!(key.verify(&late, now, 60).is_some(), "within the leeway");
        assert!(key.verify(&late, now, 0).is_none(), "without leeway");
    }
}
