//! The Sheets API v4 and the token endpoint.
