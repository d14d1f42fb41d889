//! Codes of verdicts and receipts, the same in `client/ledger`.

/// Declares the codes with their names, in order.
macro_rules! codes {
    ($($(#[$doc:meta])* $ident:ident = $code:literal, $name:literal;)*) => {
        $($(#[$doc])* pub const $ident: u32 = $code;)*

        /// Every code with its name.
        pub const ALL: &[(u32, &str)] = &[$(($code, $name)),*];
    };
}

codes! {
    /// Accepted, executed.
    OK = 0, "ok";
    /// Not the canonical encoding of a transaction.
    MALFORMED = 1, "malformed";
    /// Signed for another chain.
    WRONG_CHAIN = 2, "wrong_chain";
    /// A signature is not that of its key on the body.
    BAD_SIGNATURE = 3, "bad_signature";
    /// The operation's number is reserved: this module does not have it.
    UNKNOWN_OPERATION = 4, "unknown_operation";
    /// The nonce is not the account's next one (in `check`: is below it).
    BAD_NONCE = 10, "bad_nonce";
    /// The balance does not cover what the transaction may take, with what is
    /// queued before it (in `execute`: gas limit times price).
    INSUFFICIENT_FUNDS = 11, "insufficient_funds";
    /// The valid-until height has passed.
    EXPIRED = 12, "expired";
    /// The gas price is below the minimum.
    GAS_PRICE_TOO_LOW = 13, "gas_price_too_low";
    /// The gas limit is below what the transaction needs (in `execute`: below
    /// what is spent on it before anything is written).
    GAS_LIMIT_TOO_LOW = 14, "gas_limit_too_low";
    /// The gas limit is above what a transaction may have.
    GAS_LIMIT_TOO_HIGH = 15, "gas_limit_too_high";
    /// The transaction has more bytes, recipients or events than allowed.
    TOO_LARGE = 16, "too_large";
    /// The block has no gas or events left for it.
    BLOCK_FULL = 17, "block_full";
    /// Executed: the gas limit did not suffice. Charged.
    OUT_OF_GAS = 20, "out_of_gas";
    /// Executed: the balance does not cover amounts or deposit. Charged.
    INSUFFICIENT_BALANCE = 21, "insufficient_balance";
    /// Executed: there is no such record of this owner. Charged.
    NO_SUCH_RECORD = 22, "no_such_record";
    /// Executed: the record's key or value is longer than allowed. Charged.
    RECORD_TOO_LARGE = 23, "record_too_large";
    /// Query: the path is none.
    BAD_QUERY = 30, "bad_query";
}

/// The name of a code.
pub fn name(code: u32) -> &'static str {
    ALL.iter().find(|(known, _)| *known == code).map_or("unknown", |(_, name)| name)
}
