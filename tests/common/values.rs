//! Random values for property tests.

use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;

/// Bytes enough for any client, and for any op.
const VALUE: usize = 24;

/// A value made of bytes as a fuzzer's input is, so that there is one description of what can happen. Each op has
/// its own bytes: shrinking drops ops, and makes the numbers in the others small.
pub(crate) fn value<T: for<'a> Arbitrary<'a> + Debug>() -> impl Strategy<Value = T> {
    any::<[u8; VALUE]>().prop_map(|bytes| T::arbitrary(&mut Unstructured::new(&bytes)).expect("bytes enough"))
}
