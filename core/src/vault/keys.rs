//! A vault's keys: epochs, recovery phrase, password, and the certificates and heads that they sign.
