//! Names and short texts, each kept once for as long as it is likely to come again: few names are new
//! in a file.

use std::cell::RefCell;
use std::rc::Rc;

/// Places for texts that came last; of two that fall together the later one is kept.
const PLACES: usize = 1 << 10;
/// Longer texts rarely come twice.
const LONGEST: usize = 32;

thread_local! {
    static KEPT: RefCell<Vec<Option<Rc<str>>>> = RefCell::new(vec![None; PLACES]);
}

/// A text, shared with whoever asked for the same one before as far as it is still known.
pub(super) fn shared(text: &str) -> Rc<str> {
    if text.len() > LONGEST {
        return text.into();
    }
    KEPT.with_borrow_mut(|kept| {
        let place = &mut kept[place(text)];
        match place {
            Some(known) if **known == *text => known.clone(),
            place => place.insert(text.into()).clone(),
        }
    })
}

/// The place of a text: quick, and even enough.
fn place(text: &str) -> usize {
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let hash = text.as_bytes().iter().fold(0x811c_9dc5, mix);
    (hash ^ (hash >> 15)) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, PLACES, shared};
    use std::rc::Rc;

    #[test]
    fn a_name_that_came_before_is_shared_and_every_text_is_itself() {
        let first = shared("task_id");
        assert!(Rc::ptr_eq(&first, &shared("task_id")));
        for number in 0..PLACES * 2 {
            assert_eq!(&*shared(&format!("name_{number}")), format!("name_{number}"));
        }
        assert_eq!(&*shared("task_id"), "task_id");
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(*shared(&long), *long);
    }
}
