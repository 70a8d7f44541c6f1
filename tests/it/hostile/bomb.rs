//! A pack of a few kilobytes that unpacks to a hundred gigabytes: one blob of zeros, and thousands of
//! deltas that each make another blob of all of it. Written by hand, as git would unpack it first.

use super::{branch, commit, dags, refused, tree};
use crate::repositories::{Scripted, git};
use sha1::{Digest as _, Sha1};
use std::fs;
use std::process::Command;

/// Bytes of the blob that all the others are made of: below the limit for one object.
const BASE: usize = 40 << 20;
/// Blobs, of which all together have a hundred gigabytes.
const BLOBS: usize = 2_600;

fn id_bytes(hex: &str) -> Vec<u8> {
    (0..20).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// The kind and the size of an object as they stand before it in a pack.
fn header(kind: u8, mut size: usize) -> Vec<u8> {
    let mut bytes = vec![(kind << 4) | (size & 15) as u8];
    size >>= 4;
    while size > 0 {
        *bytes.last_mut().unwrap() |= 128;
        bytes.push((size & 127) as u8);
        size >>= 7;
    }
    bytes
}

fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A delta that copies the whole base and adds a few bytes.
fn delta(more: &[u8]) -> Vec<u8> {
    const MOST: usize = 0x00ff_ffff;
    let mut bytes = [number(BASE), number(BASE + more.len())].concat();
    let mut at = 0;
    while at < BASE {
        let size = MOST.min(BASE - at);
        bytes.push(0xff);
        bytes.extend_from_slice(&(at as u32).to_le_bytes());
        bytes.extend_from_slice(&(size as u32).to_le_bytes()[..3]);
        at += size;
    }
    bytes.push(more.len() as u8);
    bytes.extend_from_slice(more);
    bytes
}

/// The bytes as zlib has them that compresses nothing.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u16).to_le_bytes();
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut all = vec![0x78, 0x01, 0x01, length[0], length[1], !length[0], !length[1]];
    all.extend_from_slice(bytes);
    all.extend_from_slice(&((b << 16) | a).to_be_bytes());
    all
}

/// The object of the blob of zeros, as a pack that git makes of it alone has it.
fn base(branch: &Scripted) -> (Vec<u8>, Vec<u8>) {
    let file = branch.root().join("zeros");
    fs::File::create(&file).unwrap().set_len(BASE as u64).unwrap();
    let id = git(&branch.bare(), &["hash-object", "-w", file.to_str().unwrap()]);
    let pack = Command::new("sh")
        .args(["-c", &format!("echo {id} | git pack-objects -q --stdout")])
        .current_dir(branch.bare())
        .output()
        .unwrap()
        .stdout;
    (id_bytes(&id), pack[12..pack.len() - 20].to_vec())
}

/// Puts a pack of such blobs into the repository, with its index; their ids.
fn pack(branch: &Scripted) -> Vec<String> {
    let (base_id, base) = base(branch);
    let mut bytes = [b"PACK".as_slice(), &2_u32.to_be_bytes(), &(BLOBS as u32 + 1).to_be_bytes()].concat();
    let mut index = vec![(base_id.clone(), bytes.len())];
    bytes.extend_from_slice(&base);
    // All begin alike: that part of the hash is computed once.
    let mut common = Sha1::new();
    common.update(format!("blob {}\0", BASE + 8));
    let zeros = vec![0; 1 << 20];
    (0..BASE >> 20).for_each(|_| common.update(&zeros));
    for number in 0..BLOBS {
        let more = format!("{number:08}");
        let id = common.clone().chain_update(&more).finalize().to_vec();
        index.push((id, bytes.len()));
        let delta = delta(more.as_bytes());
        bytes.extend(header(7, delta.len()));
        bytes.extend_from_slice(&base_id);
        bytes.extend(stored(&delta));
    }
    let sum = Sha1::digest(&bytes).to_vec();
    bytes.extend_from_slice(&sum);
    // The base with them: git sends a delta as it is only where it sends what it is made of.
    let ids = index.iter().map(|(id, _)| hex(id)).collect();
    index.sort();
    // An index of the first version: how many begin with up to each byte, then places and ids.
    let mut table = Vec::new();
    for first in 0..=255_u8 {
        let count = index.iter().filter(|(id, _)| id[0] <= first).count();
        table.extend_from_slice(&(count as u32).to_be_bytes());
    }
    for (id, at) in &index {
        table.extend_from_slice(&(*at as u32).to_be_bytes());
        table.extend_from_slice(id);
    }
    table.extend_from_slice(&sum);
    let sum_of_table = Sha1::digest(&table).to_vec();
    table.extend_from_slice(&sum_of_table);
    let name = hex(&sum);
    let folder = branch.bare().join("objects/pack");
    fs::write(folder.join(format!("pack-{name}.pack")), bytes).unwrap();
    fs::write(folder.join(format!("pack-{name}.idx")), table).unwrap();
    ids
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_pack_that_unpacks_to_a_hundred_gigabytes_is_refused_while_it_comes_in() {
    let harm = |branch: &Scripted| {
        let ids = pack(branch);
        let names: Vec<String> = (0..ids.len()).map(|number| format!("{number:04}.bin")).collect();
        let entries: Vec<_> =
            names.iter().zip(&ids).map(|(name, id)| ("100644", name.as_bytes(), id.as_str())).collect();
        // Git knows them for what they are; to look into one would be to unpack it.
        assert_eq!(git(&branch.bare(), &["cat-file", "-s", &ids[7]]), (BASE + 8).to_string());
        const { assert!(BLOBS * BASE > 100_000_000_000) };
        let pack = fs::read_dir(branch.bare().join("objects/pack")).unwrap().flatten();
        let size: u64 = pack.map(|entry| entry.metadata().unwrap().len()).sum();
        assert!(size < 1 << 20, "{size} bytes");
        commit(branch, &dags(branch, &tree(branch, &entries)));
    };
    refused(&branch(), harm, "the fetch unpacks to more than 8192 MiB", &[]);
}
