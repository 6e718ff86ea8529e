//! Numbers in texts. To find the shortest decimal that is a given `f64` takes longer than to judge an instance type; of
//! numbers that were rounded before it is known.

use std::fmt;

/// A number as Rust writes it.
pub(crate) struct Number(pub(crate) f64);

/// Places after the point, to which prices are rounded; everything else has fewer.
const PLACES: usize = 4;
const ONE: u32 = 10_u32.pow(4);
/// The most digits that one has, with its point.
const DIGITS: usize = 16;
/// Beyond this the decimals of a number are no longer all there.
const MOST: f64 = 1e9;

impl fmt::Display for Number {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = *self;
        let parts = (number * f64::from(ONE)).round();
        // Neither negative numbers nor zero with a sign are worth the trouble.
        let same = (parts / f64::from(ONE)).to_bits() == number.to_bits();
        if !(same && number > 0.0 && number < MOST) {
            return fmt::Display::fmt(&number, text);
        }
        let mut parts = whole(parts);
        let mut places = PLACES;
        while places > 0 && parts.is_multiple_of(10) {
            parts /= 10;
            places -= 1;
        }
        // From the last digit on: the machinery of `write!` takes longer than all the rest.
        let mut written = [b'0'; DIGITS];
        let mut at = DIGITS;
        let mut left = places;
        loop {
            at -= 1;
            let digit = written.get_mut(at).ok_or(fmt::Error)?;
            *digit = b'0' + u8::try_from(parts % 10).unwrap_or_default();
            parts /= 10;
            left = match left.checked_sub(1) {
                Some(0) => {
                    at -= 1;
                    *written.get_mut(at).ok_or(fmt::Error)? = b'.';
                    0
                }
                Some(left) => left,
                None if parts == 0 => break,
                None => 0,
            };
        }
        let written = written.get(at..).unwrap_or_default();
        text.write_str(std::str::from_utf8(written).map_err(|_| fmt::Error)?)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1e13")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_rust_writes() {
        let given = [0.0, -0.0, -1.25, 1e-9, 0.00005, 0.1, 1e9, 1.5e300, f64::NAN, f64::INFINITY];
        let rounded = (0..200_000_u32).map(|n| f64::from(n * 7919) / 1e4);
        let whole = (0..1000_u32).map(|n| f64::from(n * n));
        let more = (1..50_000_u32).map(|n| f64::from(n) / 7.0);
        for number in given.into_iter().chain(rounded).chain(whole).chain(more) {
            assert_eq!(Number(number).to_string(), number.to_string());
        }
    }
}
