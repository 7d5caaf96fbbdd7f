//! Message authentication codes: what only who has a key can make of some bytes, and whoever has it can check.
//!
//! The one place where HMAC (RFC 2104) is computed: keys that are derived from the server's own, seals over the log, signatures
//! of callbacks, proofs of webhooks. A code is that of all parts, one after the other, as if they were one text; who needs
//! it to mark where a part ends does so in the parts (a length, a separator that no part holds). Keys may have any length.
//! Codes that a stranger sends are compared in a time that does not reveal where two differ.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The HMAC-SHA-256 of the parts.
pub fn sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    over(key, parts).finalize().into_bytes().into()
}

/// Whether `mac` is the HMAC-SHA-256 of the parts.
pub fn fits(key: &[u8], parts: &[&[u8]], mac: &[u8]) -> bool {
    fits_any(key, parts, [mac])
}

/// Whether one of `macs` is that of the parts. The parts are read once, however many there are, and also when there is none:
/// the time it takes reveals nothing but their length.
pub fn fits_any<M: AsRef<[u8]>>(key: &[u8], parts: &[&[u8]], macs: impl IntoIterator<Item = M>) -> bool {
    let hmac = over(key, parts);
    let own = hmac.clone().finalize().into_bytes();
    std::hint::black_box(own);
    let mut fits = false;
    for mac in macs {
        fits |= hmac.clone().verify_slice(mac.as_ref()).is_ok();
    }
    fits
}

/// As [`fits`], with HMAC-SHA-1: for a provider that has nothing else.
pub fn fits_sha1(key: &[u8], parts: &[&[u8]], mac: &[u8]) -> bool {
    let mut hmac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| hmac.update(part));
    hmac.verify_slice(mac).is_ok()
}

fn over(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| hmac.update(part));
    hmac
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_of_rfc_4231() {
        // Test case 2.
        let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let mut mac = hex::decode(mac).unwrap();
        assert_eq!(sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]), *mac);
        assert!(fits(b"Jefe", &[b"what do ya want ", b"for nothing?"], &mac));
        assert!(!fits(b"jefe", &[b"what do ya want for nothing?"], &mac));
        assert!(!fits(b"Jefe", &[b"what do ya want for nothing?"], &mac[..16]));
        mac[31] ^= 1;
        assert!(!fits(b"Jefe", &[b"what do ya want for nothing?"], &mac));
    }

    #[test]
    fn one_of_several_is_enough_and_none_is_not() {
        let mac = hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        let parts: [&[u8]; 1] = [b"what do ya want for nothing?"];
        assert!(fits_any(b"Jefe", &parts, [vec![0; 32], mac.clone(), vec![]]));
        assert!(!fits_any(b"Jefe", &parts, [vec![0; 32], mac[..31].to_vec()]));
        assert!(!fits_any(b"Jefe", &parts, [[0u8; 32]; 0]));
    }
}
