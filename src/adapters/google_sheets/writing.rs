//! Writes to the spreadsheet: marks, cells and new rows, each in one request.

use async_trait::async_trait;
use google_sheets4::api::BatchUpdateValuesByDataFilterResponse;

use super::failure::{Method, error};
use super::{GoogleSheets, columns, refused};
use crate::sheet::{Append, ColumnWrite, MarkChange, SheetError, SheetErrorKind, SheetWriter};

pub(super) const WRITE_COLUMNS: Method = Method {
    name: "sheets.values.batchUpdateByDataFilter",
    doing: "write the service columns",
    writes: true,
};
const CHANGE_MARKS: Method = Method {
    name: "sheets.batchUpdate",
    doing: "mark the spreadsheet and its columns",
    writes: true,
};
const APPEND: Method = Method {
    name: "sheets.batchUpdate",
    doing: "append rows",
    writes: true,
};

#[async_trait]
impl SheetWriter for GoogleSheets {
    async fn change_marks(&self, changes: &[MarkChange]) -> Result<Vec<i64>, SheetError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let request = columns::mark_request(changes).map_err(|why| refused(CHANGE_MARKS, &why))?;
        let reply = self.batch_update(CHANGE_MARKS, request).await?;
        columns::mark_reply(changes, reply).ok_or_else(|| {
            error(
                SheetErrorKind::OutcomeUnknown,
                "the answer does not name the marks that were made; they may or may not be there",
            )
        })
    }

    async fn write_columns(&self, writes: &[ColumnWrite]) -> Result<(), SheetError> {
        let request = columns::write_request(writes).map_err(|why| refused(WRITE_COLUMNS, &why))?;
        let Some(request) = &request else { return Ok(()) };
        // The API crate strips nulls from the arrays of a request as well, and in a column of values a null is what skips a cell:
        // without them all later values would move up, over the header and into other rows.
        self.call(WRITE_COLUMNS, |probe| async move {
            let path = "/values:batchUpdateByDataFilter";
            let answer = self.inner.post(path, request.clone(), probe).await?;
            answer.json::<BatchUpdateValuesByDataFilterResponse>().await
        })
        .await
        .map(drop)
    }

    async fn append(&self, appends: &[Append]) -> Result<(), SheetError> {
        match columns::append_request(appends).map_err(|why| refused(APPEND, &why))? {
            Some(request) => self.batch_update(APPEND, request).await.map(drop),
            None => Ok(()),
        }
    }
}
