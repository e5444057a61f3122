//! A seeded spreadsheet and fleet that show the product.
