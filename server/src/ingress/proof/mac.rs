//! HMAC-SHA-256, compared in a time that does not tell where two differ.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Whether `mac` is that of the parts, one after the other.
pub(super) fn fits(key: &[u8], parts: &[&[u8]], mac: &[u8]) -> bool {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        hmac.update(part);
    }
    hmac.verify_slice(mac).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_of_rfc_4231() {
        // Test case 2.
        let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let mut mac = hex::decode(mac).unwrap();
        assert!(fits(b"Jefe", &[b"what do ya want ", b"for nothing?"], &mac));
        assert!(!fits(b"jefe", &[b"what do ya want for nothing?"], &mac));
        assert!(!fits(b"Jefe", &[b"what do ya want for nothing?"], &mac[..16]));
        mac[31] ^= 1;
        assert!(!fits(b"Jefe", &[b"what do ya want for nothing?"], &mac));
    }
}
