//! The smallest heap that serves: it hands out one block of static memory from front to back and takes nothing back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

const SIZE: usize = 1 << 20;

/// Aligned for anything this program allocates.
#[repr(align(4096))]
struct Heap {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

#[global_allocator]
static HEAP: Heap = Heap { memory: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

// SAFETY: `used` is atomic, and every byte of `memory` is handed out at most once.
unsafe impl Sync for Heap {}

// SAFETY: blocks lie within `memory`, do not overlap, and start at a multiple of their alignment, as far as the heap's
// own alignment reaches; for a larger one there is no block.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = |used: usize| used.checked_next_multiple_of(layout.align());
        let end = |used: usize| block(used)?.checked_add(layout.size()).filter(|end| *end <= SIZE);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end) {
            Ok(used) if layout.align() <= align_of::<Heap>() => {
                // SAFETY: the offset is within `memory`: `end` has checked more than that.
                block(used).map_or(ptr::null_mut(), |offset| unsafe { self.memory.get().cast::<u8>().add(offset) })
            }
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}
