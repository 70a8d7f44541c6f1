//! What a branch may cost at most: a branch is written by others, and one push must not be able to
//! fill the disk or the memory of the pod.
//!
//! Two sieves: what is received is looked through while it comes in, before anything of it is
//! resolved in memory; what the tree of the commit holds is counted while it is read.

use gix::zlib::{Decompress, FlushDecompress, Status};

/// Mebibytes in bytes.
const MIB: u64 = 1024 * 1024;

/// The most that a fetch and the content of a commit may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects in one fetch.
    pub objects: u64,
    /// Bytes of one object of the repository, content or not: it is held in memory once.
    pub object: u64,
    /// Bytes that one fetch may receive, and so put on disk.
    pub received: u64,
    /// Bytes of all objects of one fetch, unpacked.
    pub unpacked: u64,
    /// Entries of the content folders: files, links and folders.
    pub files: usize,
    /// Bytes of all files of the content folders, which are held in memory during a pass.
    pub content: u64,
    /// Folders that may lie in one another.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 1_000_000,
            object: 100 * MIB,
            received: 2048 * MIB,
            unpacked: 8192 * MIB,
            files: 100_000,
            content: 512 * MIB,
            depth: 100,
        }
    }
}

/// A limit that was met: what there is too much of, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excess(pub(super) String);

impl Excess {
    pub(super) fn received(limits: Limits) -> Self {
        Self(format!("the fetch is larger than {}", mib(limits.received)))
    }
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Excess {}

/// Bytes for people, in the unit of the settings.
pub(super) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(MIB))
}

/// Reads along with a pack as it comes in, and objects as soon as a header says more than is
/// allowed. It holds no more than a window of one object.
pub(super) struct Sieve {
    limits: Limits,
    state: State,
    /// Objects still to come.
    left: u64,
    received: u64,
    unpacked: u64,
    inflate: Decompress,
    window: Vec<u8>,
}

/// Where in the pack the next byte belongs.
enum State {
    /// In the twelve bytes of the beginning.
    Start(Vec<u8>),
    /// In the header of an object: its kind and size so far, and the shift of the next byte.
    Header { kind: u8, size: u64, shift: u32 },
    /// In the distance to the base of a delta.
    Distance { size: u64 },
    /// In the id of the base of a delta, with so many bytes to come.
    Base { size: u64, left: usize },
    /// In the compressed bytes of an object.
    Body { size: u64, out: u64, delta: Option<Vec<u8>> },
    /// Behind the last object, or in something that is no pack: whoever reads it will say so.
    Over,
}

/// Bytes of a delta that hold the sizes of its base and its result.
const DELTA_SIZES: usize = 20;

impl Sieve {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Start(Vec::new()),
            left: 0,
            received: 0,
            unpacked: 0,
            inflate: Decompress::new(),
            window: vec![0; 32 * 1024],
        }
    }

    /// Looks at the next bytes of the pack.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        self.received += bytes.len() as u64;
        if self.received > self.limits.received {
            return Err(Excess::received(self.limits));
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes)?;
        }
        Ok(())
    }

    /// Takes at least one byte, and gives the rest back.
    fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Excess> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(bytes) };
        match &mut self.state {
            State::Over => return Ok(&[]),
            State::Start(seen) => {
                seen.push(first);
                if let [b'P', b'A', b'C', b'K', _, _, _, _, count @ ..] = seen.as_slice()
                    && let Ok(count) = <[u8; 4]>::try_from(count)
                {
                    self.left = u64::from(u32::from_be_bytes(count));
                    if self.left > self.limits.objects {
                        return Err(Excess(format!("the fetch has more than {} objects", self.limits.objects)));
                    }
                    self.next();
                } else if seen.len() >= 12 {
                    self.state = State::Over;
                }
            }
            State::Header { kind, size, shift } => {
                if *shift == 0 {
                    *kind = (first >> 4) & 7;
                    *size = u64::from(first & 15);
                    *shift = 4;
                } else {
                    // A size beyond 64 bits is beyond any limit too.
                    *size = size.saturating_add(u64::from(first & 127).checked_shl(*shift).unwrap_or(u64::MAX));
                    *shift = shift.saturating_add(7).min(64);
                }
                if first & 128 == 0 {
                    let (kind, size) = (*kind, *size);
                    self.admit(size)?;
                    self.state = match kind {
                        6 => State::Distance { size },
                        7 => State::Base { size, left: 20 },
                        _ => self.body(size, false)?,
                    };
                }
            }
            State::Distance { size } => {
                if first & 128 == 0 {
                    let size = *size;
                    self.state = self.body(size, true)?;
                }
            }
            State::Base { size, left } => {
                *left -= 1;
                if *left == 0 {
                    let size = *size;
                    self.state = self.body(size, true)?;
                }
            }
            State::Body { .. } => return self.inflated(bytes),
        }
        Ok(rest)
    }

    fn next(&mut self) {
        self.state = if self.left == 0 { State::Over } else { State::Header { kind: 0, size: 0, shift: 0 } };
        self.left = self.left.saturating_sub(1);
    }

    fn body(&mut self, size: u64, is_delta: bool) -> Result<State, Excess> {
        self.inflate.reset();
        if !is_delta {
            self.add(size)?;
        }
        Ok(State::Body { size, out: 0, delta: is_delta.then(Vec::new) })
    }

    /// Unpacks a part of an object, only to see where it ends and, of a delta, what it makes.
    fn inflated<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Excess> {
        let State::Body { size, out, delta } = &mut self.state else { return Ok(bytes) };
        let (before, made) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(bytes, &mut self.window, FlushDecompress::None);
        let taken = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX).min(bytes.len());
        let made = self.inflate.total_out() - made;
        *out += made;
        if *out > *size {
            return Err(Excess("an object is larger than it says".to_string()));
        }
        let mut result = None;
        if let Some(head) = delta {
            let made = usize::try_from(made).unwrap_or(usize::MAX).min(self.window.len());
            let wanted = DELTA_SIZES.saturating_sub(head.len()).min(made);
            head.extend_from_slice(&self.window[..wanted]);
            if head.len() >= DELTA_SIZES || *out == *size {
                result = result_size(head);
                *delta = None;
            }
        }
        if let Some(result) = result {
            self.admit(result)?;
            self.add(result)?;
        }
        match status {
            Ok(Status::StreamEnd) => self.next(),
            Ok(_) if taken > 0 || made > 0 => {}
            // No progress, or garbage: whoever reads it will say what is wrong.
            Ok(_) | Err(_) => self.state = State::Over,
        }
        Ok(&bytes[taken..])
    }

    fn admit(&self, size: u64) -> Result<(), Excess> {
        if size > self.limits.object {
            return Err(Excess(format!(
                "an object of the commit has {}, more than {}",
                mib(size),
                mib(self.limits.object)
            )));
        }
        Ok(())
    }

    fn add(&mut self, size: u64) -> Result<(), Excess> {
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.unpacked {
            return Err(Excess(format!("the fetch unpacks to more than {}", mib(self.limits.unpacked))));
        }
        Ok(())
    }
}

/// The second number of a delta: how large what it makes is.
fn result_size(head: &[u8]) -> Option<u64> {
    let mut bytes = head.iter();
    let mut number = || {
        let (mut value, mut shift) = (0_u64, 0_u32);
        for byte in bytes.by_ref() {
            value = value.saturating_add(u64::from(byte & 127).checked_shl(shift).unwrap_or(u64::MAX));
            if byte & 128 == 0 {
                return Some(value);
            }
            shift = shift.saturating_add(7).min(64);
        }
        None
    };
    number()?;
    number()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::zlib::stream::deflate;
    use std::io::Write as _;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut write = deflate::Write::new(Vec::new(), gix::zlib::Compression::DEFAULT);
        write.write_all(bytes).unwrap();
        write.flush().unwrap();
        write.into_inner()
    }

    fn header(kind: u8, mut size: u64) -> Vec<u8> {
        let mut bytes = vec![(kind << 4) | (size & 15) as u8];
        size >>= 4;
        while size > 0 {
            *bytes.last_mut().unwrap() |= 128;
            bytes.push((size & 127) as u8);
            size >>= 7;
        }
        bytes
    }

    fn pack(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut pack = b"PACK\0\0\0\x02".to_vec();
        pack.extend(u32::try_from(objects.len()).unwrap().to_be_bytes());
        for object in objects {
            pack.extend(object);
        }
        pack.extend([0; 20]);
        pack
    }

    fn blob(size: u64, bytes: &[u8]) -> Vec<u8> {
        [header(3, size), packed(bytes)].concat()
    }

    fn sieve(limits: Limits, pack: &[u8], step: usize) -> Result<(u64, bool), String> {
        let mut sieve = Sieve::new(limits);
        for part in pack.chunks(step) {
            sieve.feed(part).map_err(|excess| excess.to_string())?;
        }
        Ok((sieve.unpacked, matches!(sieve.state, State::Over)))
    }

    #[test]
    fn what_is_within_bounds_is_read_to_its_end_however_it_comes_in() {
        let mut delta = vec![4, 3, 0x90, 3];
        delta.extend([0; 3]);
        let size = delta.len() as u64;
        let distance = [header(6, size), vec![0x81, 0x00], packed(&delta)].concat();
        let base = [header(7, size), vec![9; 20], packed(&delta)].concat();
        let large = vec![7_u8; 100_000];
        let pack = pack(&[blob(4, b"text"), distance, blob(0, b""), base, blob(100_000, &large)]);
        for step in [1, 2, 7, 1000, 1 << 20] {
            assert_eq!(sieve(Limits::default(), &pack, step), Ok((100_010, true)), "{step}");
        }
    }

    #[test]
    fn too_much_of_anything_is_refused_by_what_the_headers_say() {
        let limits = Limits { objects: 3, object: 1000, received: 5000, unpacked: 1500, ..Limits::default() };
        let refused = |pack: &[u8]| sieve(limits, pack, 64).unwrap_err();
        // Five gigabytes of which nothing has come yet.
        assert!(refused(&pack(&[header(3, 5 << 30)])).contains("5120 MiB"));
        assert!(refused(&pack(&[[header(3, u64::MAX), vec![255; 12]].concat()])).contains("an object of the commit"));
        let some = vec![0; 800];
        assert!(refused(&pack(&[blob(800, &some), blob(800, &some)])).contains("unpacks to more"));
        assert!(refused(&pack(&vec![blob(1, b"a"); 4])).contains("more than 3 objects"));
        assert!(refused(&vec![0; 6000]).contains("the fetch is larger"));
        assert!(refused(&pack(&[blob(10, &some)])).contains("larger than it says"));
        // A delta whose result is large, however small it is itself.
        let mut delta = vec![4];
        delta.extend([0xff, 0xff, 0xff, 0x7f]);
        let bomb = [header(7, delta.len() as u64), vec![9; 20], packed(&delta)].concat();
        assert!(refused(&pack(&[bomb])).contains("an object of the commit"));
    }

    #[test]
    fn garbage_ends_the_looking_and_is_left_to_the_reader() {
        for garbage in [&b"not a pack at all, is it"[..], &[&pack(&[])[..], b"more"].concat()] {
            assert_eq!(sieve(Limits::default(), garbage, 5), Ok((0, true)));
        }
        let broken = pack(&[[header(3, 4), vec![0; 30]].concat()]);
        assert_eq!(sieve(Limits::default(), &broken, 5), Ok((4, true)));
    }
}
