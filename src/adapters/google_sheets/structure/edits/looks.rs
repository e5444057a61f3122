//! The requests that change how cells look and what they take: formats, notes, widths, rules, colours.

use google_sheets4::api::{
    self, AddConditionalFormatRuleRequest, AddFilterViewRequest, BooleanCondition, BooleanRule, CellData, CellFormat,
    ConditionValue, ConditionalFormatRule, DataValidationRule, DimensionProperties, FilterCriteria, FilterSpec,
    FilterView, NumberFormat, RepeatCellRequest, Request, SetDataValidationRequest, TextFormat,
    UpdateDimensionPropertiesRequest,
};
use google_sheets4::common::FieldMask;

use super::areas::{area, columns, stretch, whole};
use crate::adapters::google_sheets::columns::id;
use crate::sheet::layout::{column_letters, quoted};
use crate::sheet::structure::{Rows, Validation};

pub(super) fn bold(sheet_id: i64, column: u32) -> Result<Request, String> {
    let text_format = TextFormat {
        bold: Some(true),
        ..TextFormat::default()
    };
    let cell = formatted(CellFormat {
        text_format: Some(text_format),
        ..CellFormat::default()
    });
    repeat(
        sheet_id,
        column,
        (0, Some(1)),
        cell,
        "userEnteredFormat.textFormat.bold",
    )
}

pub(super) fn plain_text(sheet_id: i64, column: u32, rows: Rows) -> Result<Request, String> {
    let number_format = NumberFormat {
        type_: Some("TEXT".into()),
        pattern: None,
    };
    let cell = formatted(CellFormat {
        number_format: Some(number_format),
        ..CellFormat::default()
    });
    repeat(sheet_id, column, rows, cell, "userEnteredFormat.numberFormat")
}

fn formatted(format: CellFormat) -> CellData {
    CellData {
        user_entered_format: Some(format),
        ..CellData::default()
    }
}

fn repeat(sheet_id: i64, column: u32, rows: Rows, cell: CellData, field: &str) -> Result<Request, String> {
    Ok(Request {
        repeat_cell: Some(RepeatCellRequest {
            cell: Some(cell),
            fields: Some(FieldMask::new(&[field])),
            range: Some(area(sheet_id, &stretch(column, rows))?),
        }),
        ..Request::default()
    })
}

pub(super) fn width(sheet_id: i64, column: u32, pixels: u32) -> Result<Request, String> {
    let properties = DimensionProperties {
        pixel_size: whole(pixels)?,
        ..DimensionProperties::default()
    };
    Ok(Request {
        update_dimension_properties: Some(UpdateDimensionPropertiesRequest {
            fields: Some(FieldMask::new(&["pixelSize"])),
            properties: Some(properties),
            range: Some(columns(sheet_id, column, 1)?),
            ..UpdateDimensionPropertiesRequest::default()
        }),
        ..Request::default()
    })
}

pub(super) fn validate(sheet_id: i64, column: u32, rows: Rows, rule: &Validation) -> Result<Request, String> {
    let rule = match rule {
        Validation::Checkbox => DataValidationRule {
            condition: Some(condition("BOOLEAN", None)),
            strict: Some(true),
            ..DataValidationRule::default()
        },
        Validation::ListOf { tab, column } => {
            let letters = column_letters(*column);
            let list = format!("={}!${letters}$2:${letters}", quoted(tab));
            DataValidationRule {
                condition: Some(condition("ONE_OF_RANGE", Some(list))),
                // Strict would refuse what a pass appends in a moment when the list has changed.
                strict: Some(false),
                show_custom_ui: Some(true),
                ..DataValidationRule::default()
            }
        }
    };
    Ok(Request {
        set_data_validation: Some(SetDataValidationRequest {
            range: Some(area(sheet_id, &stretch(column, rows))?),
            rule: Some(rule),
            ..SetDataValidationRequest::default()
        }),
        ..Request::default()
    })
}

fn condition(kind: &str, value: Option<String>) -> BooleanCondition {
    BooleanCondition {
        type_: Some(kind.into()),
        values: value.map(|value| {
            vec![ConditionValue {
                user_entered_value: Some(value),
                ..ConditionValue::default()
            }]
        }),
    }
}

pub(super) fn colour(sheet_id: i64, column: u32, starts: &str, rgb: [u8; 3], index: u32) -> Result<Request, String> {
    let [red, green, blue] = rgb.map(|part| Some(f32::from(part) / 255.0));
    let colour = api::Color {
        red,
        green,
        blue,
        alpha: None,
    };
    let style = api::ColorStyle {
        rgb_color: Some(colour),
        theme_color: None,
    };
    let format = CellFormat {
        background_color_style: Some(style),
        ..CellFormat::default()
    };
    let rule = ConditionalFormatRule {
        boolean_rule: Some(BooleanRule {
            condition: Some(condition("TEXT_STARTS_WITH", Some(starts.to_owned()))),
            format: Some(format),
        }),
        ranges: Some(vec![area(sheet_id, &stretch(column, (1, None)))?]),
        ..ConditionalFormatRule::default()
    };
    Ok(Request {
        add_conditional_format_rule: Some(AddConditionalFormatRuleRequest {
            index: whole(index)?,
            rule: Some(rule),
        }),
        ..Request::default()
    })
}

pub(super) fn note(sheet_id: i64, column: u32, text: &str) -> Result<Request, String> {
    let cell = CellData {
        note: Some(text.to_owned()),
        ..CellData::default()
    };
    repeat(sheet_id, column, (0, Some(1)), cell, "note")
}

/// Over all rows, those to come included.
pub(super) fn filter_view(sheet_id: i64, title: &str, column: u32, hidden: &[String]) -> Result<Request, String> {
    let spec = FilterSpec {
        column_index: whole(column)?,
        filter_criteria: Some(FilterCriteria {
            hidden_values: Some(hidden.to_vec()),
            ..FilterCriteria::default()
        }),
        ..FilterSpec::default()
    };
    Ok(Request {
        add_filter_view: Some(AddFilterViewRequest {
            filter: Some(FilterView {
                title: Some(title.to_owned()),
                range: Some(api::GridRange {
                    sheet_id: Some(id(sheet_id)?),
                    ..api::GridRange::default()
                }),
                filter_specs: Some(vec![spec]),
                ..FilterView::default()
            }),
        }),
        ..Request::default()
    })
}
