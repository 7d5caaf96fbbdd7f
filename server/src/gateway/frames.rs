//! Parses WebSocket traffic without changing it (RFC 6455, section 5): frame boundaries, lengths of messages, and close
//! frames.

/// The maximum payload of a control frame.
const MAX_CONTROL: u64 = 125;

/// The maximum length of a frame's head: two bytes, a length of eight, a mask of four.
const MAX_HEAD: usize = 14;

const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;

/// The status codes of RFC 6455, section 7.4.1, that the gateway closes with.
pub(super) const GOING_AWAY: u16 = 1001;
pub(super) const PROTOCOL_ERROR: u16 = 1002;
pub(super) const POLICY: u16 = 1008;
pub(super) const TOO_BIG: u16 = 1009;

/// A violation by one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A message is too long.
    TooLong,
    /// A protocol violation.
    Protocol(&'static str),
}

/// One direction of a WebSocket.
#[derive(Debug)]
pub(super) struct Frames {
    /// Clients mask their frames, servers do not.
    masked: bool,
    limit: u64,
    head: [u8; MAX_HEAD],
    head_length: usize,
    /// Remaining bytes of the frame's payload.
    left: u64,
    /// Bytes of the current message; `None` between messages.
    message: Option<u64>,
    opcode: u8,
    mask: [u8; 4],
    code: [u8; 2],
    code_length: usize,
    closing: bool,
    /// Number of complete messages.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

impl Frames {
    /// The direction from a client if `masked`, or else from a server; messages have at most `limit` bytes.
    pub(super) fn new(masked: bool, limit: usize) -> Self {
        Self {
            masked,
            limit: limit as u64,
            head: [0; MAX_HEAD],
            head_length: 0,
            left: 0,
            message: None,
            opcode: 0,
            mask: [0; 4],
            code: [0; 2],
            code_length: 0,
            closing: false,
            messages: 0,
            bytes: 0,
        }
    }

    /// Whether the next byte begins a frame.
    pub(super) fn is_between_frames(&self) -> bool {
        self.head_length == 0 && self.left == 0
    }

    /// Whether this side has sent a close frame.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// The code of the close frame, if any.
    pub(super) fn code(&self) -> Option<u16> {
        (self.closing && self.code_length == 2).then(|| u16::from_be_bytes(self.code))
    }

    /// Checks bytes that are about to be passed on.
    ///
    /// # Errors
    /// If they must not be.
    pub(super) fn look(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.pass(&bytes[..taken]);
                bytes = &bytes[taken..];
                continue;
            }
            self.head[self.head_length] = *first;
            self.head_length += 1;
            bytes = rest;
            if let Some((length, mask)) = self.whole_head() {
                self.begin(length, mask)?;
            }
        }
        Ok(())
    }

    /// The payload's length and the mask, once the head is complete.
    fn whole_head(&self) -> Option<(u64, [u8; 4])> {
        let head = &self.head[..self.head_length];
        let second = *head.get(1)?;
        let (length, end) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(head.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        match second & 0x80 {
            0 => Some((length, [0; 4])),
            _ => Some((length, head.get(end..end + 4)?.try_into().ok()?)),
        }
    }

    fn begin(&mut self, length: u64, mask: [u8; 4]) -> Result<(), Fault> {
        let (first, second) = (self.head[0], self.head[1]);
        self.head_length = 0;
        let (whole, opcode) = (first & 0x80 != 0, first & 0x0f);
        if (second & 0x80 != 0) != self.masked {
            return Err(Fault::Protocol("a client masks its frames, and a server does not"));
        }
        if length > u64::MAX >> 1 {
            return Err(Fault::TooLong);
        }
        if self.closing {
            return Err(Fault::Protocol("a frame came after the one that closes"));
        }
        (self.opcode, self.mask) = (opcode, mask);
        if opcode >= CLOSE {
            if !whole || length > MAX_CONTROL {
                return Err(Fault::Protocol("a control frame is whole and short"));
            }
            self.closing = opcode == CLOSE;
        } else {
            let before = match (opcode, self.message) {
                (CONTINUATION, Some(before)) => before,
                (CONTINUATION, None) => return Err(Fault::Protocol("a frame continues what did not begin")),
                (_, None) => 0,
                (_, Some(_)) => return Err(Fault::Protocol("a message began within another one")),
            };
            let message = before.saturating_add(length);
            if message > self.limit {
                return Err(Fault::TooLong);
            }
            self.message = (!whole).then_some(message);
            if whole {
                self.messages += 1;
            }
            self.bytes = self.bytes.saturating_add(length);
        }
        self.left = length;
        Ok(())
    }

    fn pass(&mut self, payload: &[u8]) {
        self.left -= payload.len() as u64;
        if self.opcode == CLOSE {
            for byte in payload.iter().take(2 - self.code_length) {
                self.code[self.code_length] = byte ^ self.mask[self.code_length];
                self.code_length += 1;
            }
        }
    }
}

/// A close frame as a server sends it, or masked (with zeros) as a client does.
pub(super) fn closing(code: u16, reason: &str, masked: bool) -> Vec<u8> {
    let reason = &reason.as_bytes()[..reason.floor_char_boundary(123)];
    let length = u8::try_from(reason.len() + 2).unwrap_or(2);
    let mut frame = vec![0x80 | CLOSE, if masked { 0x80 | length } else { length }];
    if masked {
        frame.extend([0; 4]);
    }
    frame.extend(code.to_be_bytes());
    frame.extend(reason);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(masked: bool, limit: usize, bytes: &[u8]) -> (Result<(), Fault>, Frames) {
        let mut whole = Frames::new(masked, limit);
        let result = whole.look(bytes);
        // The result does not depend on how the bytes are split.
        let mut cut = Frames::new(masked, limit);
        let pieces = bytes.iter().try_for_each(|byte| cut.look(std::slice::from_ref(byte)));
        assert_eq!(result, pieces);
        assert_eq!((whole.messages, whole.bytes, whole.code()), (cut.messages, cut.bytes, cut.code()));
        (result, whole)
    }

    #[test]
    fn the_examples_of_the_specification_are_understood() {
        // RFC 6455, section 5.7.
        let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
        let ping_and_pong = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let bytes_256 = [&[0x82, 0x7e, 0x01, 0x00][..], &[7; 256]].concat();
        let bytes_64_kib = [&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65_536]].concat();
        for (is_masked, frames, messages, bytes) in [
            (false, &hello[..], 1, 5),
            (true, &masked[..], 1, 5),
            (false, &fragments[..], 1, 5),
            (false, &ping_and_pong[..], 0, 0),
            (true, &pong[..], 0, 0),
            (false, &bytes_256[..], 1, 256),
            (false, &bytes_64_kib[..], 1, 65_536),
        ] {
            let (result, looked) = looked(is_masked, 1 << 20, frames);
            assert_eq!((result, looked.messages, looked.bytes), (Ok(()), messages, bytes));
            assert!(looked.is_between_frames() && !looked.is_closing());
        }
        // A control frame between the fragments of a message.
        let between = [&fragments[..5], &ping_and_pong[..], &fragments[5..]].concat();
        assert_eq!(looked(false, 5, &between).0, Ok(()));
    }

    #[test]
    fn a_message_has_a_length_in_one_frame_or_in_many() {
        let of = |limit, frames: &[u8]| looked(false, limit, frames).0;
        assert_eq!(of(5, &[0x82, 5, 1, 2, 3, 4, 5]), Ok(()));
        assert_eq!(of(4, &[0x82, 5]), Err(Fault::TooLong), "before its payload comes");
        assert_eq!(of(4, &[0x02, 3, 1, 2, 3, 0x80, 2]), Err(Fault::TooLong));
        assert_eq!(of(4, &[0x02, 3, 1, 2, 3, 0x80, 1, 1, 0x82, 4, 1, 2, 3, 4]), Ok(()), "each by itself");
        assert_eq!(of(9, &[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]), Err(Fault::TooLong));
        assert_eq!(of(9, &[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]), Err(Fault::TooLong));
    }

    #[test]
    fn what_is_no_websocket_is_not_passed_on() {
        let is_fault = |masked, frames: &[u8]| matches!(looked(masked, 99, frames).0, Err(Fault::Protocol(_)));
        assert!(is_fault(true, &[0x81, 0x01, 0x41]), "a client that does not mask");
        assert!(is_fault(false, &[0x81, 0x81, 1, 2, 3, 4, 5]), "a server that does");
        assert!(is_fault(false, &[0x80, 0x00]), "a continuation of nothing");
        assert!(is_fault(false, &[0x01, 0x01, 0x41, 0x81, 0x01, 0x41]), "a message within another");
        assert!(is_fault(false, &[0x09, 0x00]), "a control frame in parts");
        assert!(is_fault(false, &[0x89, 126, 0, 126]), "a long control frame");
        assert!(is_fault(false, &[0x88, 0x00, 0x81, 0x00]), "more after the end");
    }

    #[test]
    fn the_end_says_why() {
        let (_, server) = looked(false, 9, &closing(1009, "too long", false));
        assert_eq!((server.code(), server.is_closing(), server.is_between_frames()), (Some(1009), true, true));
        let (_, client) = looked(true, 9, &closing(1001, "", true));
        assert_eq!(client.code(), Some(1001));
        let (_, masked) = looked(true, 9, &[0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe8 ^ 2]);
        assert_eq!(masked.code(), Some(1000));
        let (_, without) = looked(false, 9, &[0x88, 0x00]);
        assert_eq!((without.code(), without.is_closing()), (None, true));
        assert!(closing(1008, &"ä".repeat(100), false).len() <= 127);
    }
}
