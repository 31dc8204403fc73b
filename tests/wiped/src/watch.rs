//! An allocator that looks for secrets in every block before it is given back.
//!
//! A block that grows is always moved, as it may be by any allocator, so that what it leaves behind is seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many secrets can be looked for at once.
const MAX_SECRETS: usize = 32;
/// So much of a secret is found: what is left of one that moved while it was written is not its end.
const FOUND: usize = 12;

pub struct Watch;

type Secret = (&'static str, &'static [u8]);

static SECRETS: RwLock<[Option<Secret>; MAX_SECRETS]> = RwLock::new([None; MAX_SECRETS]);
static LEFT: [AtomicU64; MAX_SECRETS] = [const { AtomicU64::new(0) }; MAX_SECRETS];
static BLOCKS: AtomicU64 = AtomicU64::new(0);
static TELLS_WHERE: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread's blocks are looked at.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// What was found.
pub struct Found {
    /// How many blocks were given back.
    pub blocks: u64,
    /// The kind of each secret, and how many blocks held its first bytes.
    pub left: Vec<(&'static str, u64)>,
}

/// Does something, and looks for these secrets, each a kind and a text, in all memory that is given back meanwhile.
pub fn watch(secrets: &[(&'static str, String)], act: impl FnOnce()) -> Found {
    let mut known = [None; MAX_SECRETS];
    for (place, (kind, text)) in known.iter_mut().zip(secrets) {
        assert!(text.len() >= FOUND, "{kind}: too short to be told from chance");
        let bytes: &'static [u8] = Box::leak(text.as_bytes()[..FOUND].into());
        *place = Some((*kind, bytes));
    }
    LEFT.iter().for_each(|left| left.store(0, Ordering::Relaxed));
    BLOCKS.store(0, Ordering::Relaxed);
    *SECRETS.write().unwrap() = known;
    LOOKING.set(true);
    act();
    LOOKING.set(false);
    let left = LEFT.iter().map(|left| left.load(Ordering::Relaxed));
    Found {
        blocks: BLOCKS.load(Ordering::Relaxed),
        left: known.iter().flatten().map(|(kind, _)| *kind).zip(left).collect(),
    }
}

/// Does something without looking.
pub fn unwatched<T>(act: impl FnOnce() -> T) -> T {
    let was_looking = LOOKING.replace(false);
    let done = act();
    LOOKING.set(was_looking);
    done
}

/// Shows where each block is given back that holds a secret.
pub fn tell_where() {
    TELLS_WHERE.store(true, Ordering::Relaxed);
}

// SAFETY: every block comes from the system's allocator and goes back to it with the layout that it was asked for with.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller's. With zeros, so that all of a block may be read before it is given back.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Where the thread is ending there is nothing to look at any more.
        if LOOKING.try_with(Cell::get).unwrap_or(false) {
            // SAFETY: the block is this large, was filled when it was made, and nobody uses it any more.
            look(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: as the caller's.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller answers for the new size with the old alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the blocks are different ones, each at least as large as what is copied, and the old one is not
        // used any more.
        unsafe {
            let new = self.alloc(new_layout);
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

fn look(block: &[u8]) {
    BLOCKS.fetch_add(1, Ordering::Relaxed);
    let Ok(secrets) = SECRETS.try_read() else { return };
    for (secret, left) in secrets.iter().zip(&LEFT) {
        let Some((kind, bytes)) = secret else { return };
        if block.windows(bytes.len()).any(|window| window == *bytes) {
            left.fetch_add(1, Ordering::Relaxed);
            if TELLS_WHERE.load(Ordering::Relaxed) {
                unwatched(|| eprintln!("{kind} in a block of {} bytes\n{}", block.len(), Backtrace::force_capture()));
            }
        }
    }
}
