//! Joining a server, and changing a key: what is sent, and the very bytes that are signed.
//!
//! A signed message begins with words of its own and holds each part with its length in front. A body of events begins
//! with a bracket, so no signature that was made for one purpose is good for another.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::event::SourceId;
use crate::signing::{BodySignature, PublicKey, sign_body};
use crate::timestamp::Timestamp;

/// Where a monitor joins, below a server's address.
pub const ENROL_PATH: &str = "/api/v1/enrol";
/// Where a monitor changes its key.
pub const ROTATE_PATH: &str = "/api/v1/rotate";
/// Largest body of both routes, in bytes.
pub const MAX_BODY: usize = 4096;
/// Longest audience, in characters.
pub const MAX_AUDIENCE_CHARS: usize = 512;

/// 32 digits that are told apart when they are read aloud.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_DIGITS: usize = 8;

/// A code with which one monitor joins: 40 bits, written `XXXX-XXXX`. It is a secret while it can be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

/// The text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 8 letters and digits, such as 7K2M-9QXA")]
pub struct InvalidCode;

impl Code {
    /// The code of these random bytes.
    pub fn from_bytes(bytes: [u8; 5]) -> Self {
        let number = bytes.into_iter().fold(0_u64, |number, byte| (number << 8) | u64::from(byte));
        let digit = |place: usize| {
            let index = (number >> (5 * (CODE_DIGITS - 1 - place))) & 31;
            char::from(DIGITS[usize::try_from(index).unwrap_or_default()])
        };
        Self(grouped((0..CODE_DIGITS).map(digit)))
    }

    /// As it is shown and signed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn grouped(digits: impl Iterator<Item = char>) -> String {
    let mut text = String::with_capacity(CODE_DIGITS + 1);
    for (place, digit) in digits.enumerate() {
        if place == CODE_DIGITS / 2 {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

impl FromStr for Code {
    type Err = InvalidCode;

    /// In either case, with hyphens and spaces wherever they are; `O` is read as zero, `I` and `L` as one.
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        // far more than a person would type
        if text.len() > 64 {
            return Err(InvalidCode);
        }
        let mut digits = Vec::with_capacity(CODE_DIGITS);
        for typed in text.chars().filter(|typed| !matches!(typed, '-' | ' ')) {
            let digit = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                digit => digit,
            };
            let known = u8::try_from(digit).is_ok_and(|digit| DIGITS.contains(&digit));
            if !known || digits.len() == CODE_DIGITS {
                return Err(InvalidCode);
            }
            digits.push(digit);
        }
        if digits.len() == CODE_DIGITS { Ok(Self(grouped(digits.into_iter()))) } else { Err(InvalidCode) }
    }
}

/// Body of `POST /api/v1/enrol`: a monitor shows its code and proves that it holds its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnrolRequest {
    /// The code, `XXXX-XXXX`.
    pub code: String,
    /// The monitor's public key, base64.
    pub public_key: String,
    /// Scheme, host and port that the monitor was told, such as `https://tea.example.org`.
    pub audience: String,
    /// The key's signature over code, key and audience, base64.
    pub proof: String,
    /// The name that the monitor is set to; without it, it takes the one the code was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl fmt::Debug for EnrolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolRequest").field("source", &self.source).finish_non_exhaustive()
    }
}

impl EnrolRequest {
    /// What the holder of `key` sends to the server at `audience`.
    pub fn new(code: &Code, key: &SigningKey, audience: &str, source: Option<&SourceId>) -> Self {
        let public = PublicKey::of(key);
        Self {
            proof: sign_body(key, &enrolment_message(code, &public, audience)),
            code: code.as_str().to_owned(),
            public_key: public.to_base64(),
            audience: audience.to_owned(),
            source: source.map(|source| source.as_str().to_owned()),
        }
    }

    /// Whether the holder of `key` made the proof, for this code and this audience.
    pub fn is_proven(&self, code: &Code, key: &PublicKey) -> bool {
        let message = enrolment_message(code, key, &self.audience);
        BodySignature::from_base64(&self.proof).is_some_and(|proof| key.verifies(&message, &proof))
    }
}

/// Answer of `POST /api/v1/enrol`: the server takes what this key signs from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    /// The name under which the monitor sends.
    pub source: String,
}

/// Body of `POST /api/v1/rotate`, signed in the headers with a key in force: it vouches for the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateRequest {
    /// The new public key, base64; the one that signs, where nothing but the end of the others is asked for.
    pub new_public_key: String,
    /// The new key's signature over source, old key and new key, base64.
    pub proof: String,
    /// Whether every other key of the source ends now; without it they end after an overlap.
    #[serde(default)]
    pub end_others: bool,
}

impl RotateRequest {
    /// What the holder of both keys sends.
    pub fn new(source: &SourceId, old: &PublicKey, new: &SigningKey, end_others: bool) -> Self {
        let public = PublicKey::of(new);
        Self {
            proof: sign_body(new, &rotation_message(source, old, &public)),
            new_public_key: public.to_base64(),
            end_others,
        }
    }

    /// Whether the holder of `new` made the proof, to follow `old` as a key of this source.
    pub fn is_proven(&self, source: &SourceId, old: &PublicKey, new: &PublicKey) -> bool {
        let message = rotation_message(source, old, new);
        BodySignature::from_base64(&self.proof).is_some_and(|proof| new.verifies(&message, &proof))
    }
}

/// Answer of `POST /api/v1/rotate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Rotated {
    /// The name whose key was changed.
    pub source: String,
    /// When the other keys cease to be taken; none where there is no other.
    pub others_expire: Option<Timestamp>,
}

fn enrolment_message(code: &Code, key: &PublicKey, audience: &str) -> Vec<u8> {
    message("vibetea enrolment 1\n", &[code.as_str(), &key.to_base64(), audience])
}

fn rotation_message(source: &SourceId, old: &PublicKey, new: &PublicKey) -> Vec<u8> {
    message("vibetea rotation 1\n", &[source.as_str(), &old.to_base64(), &new.to_base64()])
}

fn message(purpose: &str, parts: &[&str]) -> Vec<u8> {
    let mut bytes = purpose.as_bytes().to_vec();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://tea.example.org";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn public(seed: u8) -> PublicKey {
        PublicKey::of(&key(seed))
    }

    fn laptop() -> SourceId {
        "laptop".parse().unwrap()
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = Code::from_bytes([0x01, 0x23, 0x45, 0x67, 0x89]);
        assert_eq!(code.as_str(), "04HM-ASW9");
        for typed in ["04HM-ASW9", "04hm-asw9", " O4HMASW9", "o4hm asw9", "0-4-H-M-A-S-W-9"] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        assert_eq!("IL00-0000".parse::<Code>().unwrap().as_str(), "1100-0000");
        for wrong in ["", "04HM-ASW", "04HM-ASW99", "04HM-ASU9", "04HM-AS_9", "ÄÖÜß-0000", &"-".repeat(65)]
        {
            assert_eq!(wrong.parse::<Code>(), Err(InvalidCode), "{wrong}");
        }
        assert_eq!(Code::from_bytes([0xff; 5]).as_str(), "ZZZZ-ZZZZ");
        assert_eq!(format!("{code:?}"), "Code(…)");
    }

    #[test]
    fn a_proof_of_enrolment_is_for_one_code_one_key_and_one_address() {
        let (code, other) = (Code::from_bytes([1; 5]), Code::from_bytes([2; 5]));
        let request = EnrolRequest::new(&code, &key(1), HERE, None);
        assert!(request.is_proven(&code, &public(1)));
        assert!(!request.is_proven(&other, &public(1)));
        assert!(!request.is_proven(&code, &public(2)));
        let elsewhere = EnrolRequest { audience: "https://tea.example.com".to_owned(), ..request.clone() };
        assert!(!elsewhere.is_proven(&code, &public(1)));
        for proof in [String::new(), "AAAA".to_owned(), request.code.clone()] {
            assert!(!EnrolRequest { proof, ..request.clone() }.is_proven(&code, &public(1)));
        }
        let shown = format!("{request:?}");
        assert!(!shown.contains(code.as_str()) && !shown.contains(&request.proof), "{shown}");
    }

    #[test]
    fn a_proof_of_rotation_is_for_one_source_and_two_keys_in_their_order() {
        let request = RotateRequest::new(&laptop(), &public(1), &key(2), false);
        assert!(request.is_proven(&laptop(), &public(1), &public(2)));
        assert!(!request.is_proven(&"desktop".parse().unwrap(), &public(1), &public(2)));
        assert!(!request.is_proven(&laptop(), &public(3), &public(2)));
        assert!(!request.is_proven(&laptop(), &public(2), &public(1)));
    }

    #[test]
    fn what_is_signed_for_one_purpose_is_good_for_no_other() {
        let code = Code::from_bytes([1; 5]);
        let enrolment = enrolment_message(&code, &public(1), HERE);
        let rotation = rotation_message(&laptop(), &public(1), &public(2));
        // a body of events, or of a rotation, is JSON
        for message in [&enrolment, &rotation] {
            assert!(serde_json::from_slice::<serde_json::Value>(message).is_err());
        }
        assert_ne!(message("a", &["bc", "d"]), message("a", &["b", "cd"]), "parts do not run together");
        assert!(!message("vibetea enrolment 1\n", &[]).starts_with(b"vibetea rotation 1\n"));
    }

    /// Other programs may join by these bytes: they do not change.
    #[test]
    fn the_signed_bytes_stay_as_they_are() {
        let code = "7K2M-9QXA".parse().unwrap();
        let bytes = enrolment_message(&code, &public(1), HERE);
        let mut expected = b"vibetea enrolment 1\n".to_vec();
        for part in ["7K2M-9QXA", "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=", HERE] {
            expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, u8::try_from(part.len()).unwrap()]);
            expected.extend_from_slice(part.as_bytes());
        }
        assert_eq!(bytes, expected);
        let body = serde_json::to_value(EnrolRequest::new(&code, &key(1), HERE, Some(&laptop()))).unwrap();
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["audience", "code", "proof", "publicKey", "source"]);
        let body = serde_json::to_value(RotateRequest::new(&laptop(), &public(1), &key(2), true)).unwrap();
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["endOthers", "newPublicKey", "proof"]);
    }
}
