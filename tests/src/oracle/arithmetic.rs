//! Whole numbers wide enough that nothing overflows before it is compared with its bound.

/// `value` up to the next multiple of `step`.
pub(super) fn round_up(value: u128, step: u128) -> u128 {
    value.div_ceil(step) * step
}

/// Least common multiple; `None` where it exceeds `bound`.
pub(super) fn lcm(values: impl IntoIterator<Item = u128>, bound: u128) -> Option<u128> {
    let mut all = 1;
    for value in values {
        all = all / gcd(all, value) * value;
        if all > bound {
            return None;
        }
    }
    Some(all)
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples() {
        assert_eq!(round_up(0, 4096), 0);
        assert_eq!(round_up(4097, 4096), 8192);
        assert_eq!(lcm([64, 48], 1000), Some(192));
        assert_eq!(lcm([64, 63], 4031), None);
    }
}
