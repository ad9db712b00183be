//! The Rust table against the C struct of the SQLCipher that is linked: an upgrade that adds or
//! moves a member fails here, before a call lands in the wrong function.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::mem::{offset_of, size_of};

use lanewalk_sqlcipher_provider::table::SqlcipherProvider;

/// Lists the pointers of our table in memory order, checking that they are one word apart.
macro_rules! members {
    ($($name:ident),+ $(,)?) => {{
        let members = [$((stringify!($name), offset_of!(SqlcipherProvider, $name))),+];
        for (index, (name, offset)) in members.iter().enumerate() {
            assert_eq!(*offset, index * size_of::<usize>(), "{name} is out of place");
        }
        assert_eq!(size_of::<SqlcipherProvider>(), members.len() * size_of::<usize>());
        members.map(|(name, _)| name)
    }};
}

#[test]
fn the_table_has_the_members_of_the_c_struct_in_order() {
    let ours = members![
        init,
        shutdown,
        get_provider_name,
        add_random,
        random,
        hmac,
        kdf,
        cipher,
        get_cipher,
        get_key_sz,
        get_iv_sz,
        get_block_sz,
        get_hmac_sz,
        ctx_init,
        ctx_free,
        fips_status,
        get_provider_version,
        next,
    ];
    let source = sqlcipher_src::source_dir().join(sqlcipher_src::SOURCE_FILE);
    let source = String::from_utf8_lossy(&fs::read(source).unwrap()).into_owned();
    let (_, rest) = source.split_once("struct sqlcipher_provider {").unwrap();
    let (body, _) = rest.split_once("};").unwrap();
    let theirs: Vec<&str> =
        body.split(';').map(str::trim).filter(|member| !member.is_empty()).map(name_of).collect();
    assert_eq!(theirs, ours);
}

/// Finds the name in `type (*name)(arguments)` or `type *name`.
fn name_of(member: &str) -> &str {
    match member.split_once("(*") {
        Some((_, rest)) => rest.split_once(')').unwrap().0,
        None => member.rsplit([' ', '*']).next().unwrap(),
    }
}
