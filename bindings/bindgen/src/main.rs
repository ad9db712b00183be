//! Writes the foreign sides of the bindings; run by `bindings/generate`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
