//! What the page asks for, without a browser: roles and what each is refused, edits, switches, mails, and who may call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Browser;
use crate::sandbox::{RELEASE_TAB, SERVER_TAB, Sandbox};
use crate::sheets::CellValue;

const RELEASES: i64 = 101;
const SERVERS: i64 = 102;

struct Page {
    world: Arc<Sandbox>,
    browser: Browser,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Page {
    async fn open(servers: u32) -> Self {
        let world = Arc::new(Sandbox::start(servers, 7, Duration::ZERO).await.unwrap());
        let browser = Browser::start(Arc::clone(&world), 0).await.unwrap();
        Self { world, browser }
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let address = format!("127.0.0.1:{}", self.browser.port());
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let host = if headers.contains("host:") {
            String::new()
        } else {
            format!("host: {address}\r\n")
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let json = "content-type: application/json\r\n";
        let answer = self.send("POST", path, json, &body.to_string()).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    async fn look(&self, query: &str) -> Value {
        let answer = self.send("GET", &format!("/api/look?{query}"), "", "").await;
        assert_eq!(answer.status, 200);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Types into a cell of the release tab; gives what became of it.
    async fn type_in(&self, who: &str, channel: &str, header: &str, text: &str) -> Value {
        let place = self.world.sheets().edit(|book| {
            let tab = book.tab(RELEASE_TAB)?;
            Some((tab.find("channel", channel)?, tab.column(header)?))
        });
        let (row, column) = place.unwrap();
        let asked = json!({ "who": who, "tab": RELEASES, "type": [[row, column, text]] });
        self.post("/api/edit", asked).await.1
    }

    fn cell(&self, channel: &str, header: &str) -> CellValue {
        self.world.sheets().edit(|book| {
            let tab = book.tab(RELEASE_TAB).unwrap();
            let (row, column) = (tab.find("channel", channel).unwrap(), tab.column(header).unwrap());
            tab.value(row, column).clone()
        })
    }

    fn first_ids(&self) -> Vec<CellValue> {
        self.world.sheets().edit(|book| {
            let tab = book.tab(SERVER_TAB).unwrap();
            (1..4).map(|row| tab.value(row, 0).clone()).collect()
        })
    }
}

#[tokio::test]
async fn each_role_may_type_what_is_its_own() {
    let page = Page::open(20).await;
    for (header, may) in [
        ("desiredVersionA", &["sre", "owner"][..]),
        ("desiredVersionB", &["manager", "owner"]),
        ("releaseVersion", &["owner"]),
        ("status", &["owner"]),
        ("channel", &["owner"]),
        ("notes", &["sre", "manager", "editor", "owner"]),
    ] {
        for who in ["sre", "manager", "editor", "owner"] {
            let before = page.cell("web-prod", header);
            let text = if header == "channel" { "web-prod" } else { "9.9.9" };
            let answer = page.type_in(who, "web-prod", header, text).await;
            if may.contains(&who) {
                assert_eq!(answer["outcome"], "done", "{who} {header}");
                assert_eq!(page.cell("web-prod", header), text.into(), "{who} {header}");
                let undone = page.post("/api/undo", json!({ "who": who })).await.1;
                assert_eq!(undone["outcome"], "done", "{who} {header}");
            } else {
                assert_eq!(answer["outcome"], "refused", "{who} {header}");
                let words = "You are trying to edit a protected cell or object.";
                assert!(answer["why"].as_str().unwrap().starts_with(words), "{answer}");
            }
            assert_eq!(page.cell("web-prod", header), before, "{who} {header}");
        }
    }
    assert_eq!(
        page.post("/api/undo", json!({ "who": "sre" })).await.1["outcome"],
        "nothing"
    );
}

#[tokio::test]
async fn a_box_takes_no_words_and_a_key_keeps_its_text() {
    let page = Page::open(20).await;
    let answer = page.type_in("sre", "web-prod", "rollback", "yes please").await;
    assert_eq!(answer["outcome"], "refused");
    assert!(
        answer["why"]
            .as_str()
            .unwrap()
            .contains("violates the data validation rules"),
        "{answer}"
    );
    assert_eq!(
        page.type_in("sre", "web-prod", "rollback", "TRUE").await["outcome"],
        "done"
    );
    assert_eq!(page.cell("web-prod", "rollback"), true.into());
    assert_eq!(
        page.type_in("sre", "web-prod", "desiredVersionA", "1.10").await["outcome"],
        "done"
    );
    assert_eq!(page.cell("web-prod", "desiredVersionA"), "1.10".into());
}

#[tokio::test]
async fn a_copied_number_stays_one() {
    let page = Page::open(20).await;
    page.world.sheets().edit(|book| {
        let row = book.tab(RELEASE_TAB).unwrap().find("channel", "search-prod").unwrap();
        book.set(RELEASE_TAB, (row + 1, "desiredVersionA"), 1.1);
    });
    let row = |channel: &str| {
        page.world
            .sheets()
            .edit(|book| book.tab(RELEASE_TAB)?.find("channel", channel))
            .unwrap()
    };
    let (from, to) = (row("search-prod"), row("billing-prod"));
    let copy = json!({ "rows": [from, from + 1], "columns": [1, 2], "to": [to, 1] });
    let (_, answer) = page
        .post("/api/edit", json!({ "who": "sre", "tab": RELEASES, "copy": copy }))
        .await;
    assert_eq!(answer["outcome"], "done");
    assert_eq!(page.cell("billing-prod", "desiredVersionA"), 1.1.into());
}

#[tokio::test]
async fn rows_come_go_move_and_are_sorted_after_a_warning() {
    let page = Page::open(40).await;
    let before = page.first_ids();
    let edit = async |deed: Value| {
        let mut asked = json!({ "who": "editor", "tab": SERVERS });
        let fields = deed.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(fields);
        let first = page.post("/api/edit", asked.clone()).await.1;
        asked["meant"] = true.into();
        (first["outcome"].clone(), page.post("/api/edit", asked).await.1)
    };
    let undo = async || page.post("/api/undo", json!({ "who": "editor" })).await.1;
    for (deed, first, after) in [
        (json!({ "delete": [1, 2] }), "warned", Some([1, 2])),
        (json!({ "move": { "rows": [1, 2], "to": 3 } }), "warned", Some([1, 0])),
        (json!({ "sort": { "column": 0, "descending": true } }), "warned", None),
    ] {
        let (asked, answer) = edit(deed.clone()).await;
        assert_eq!((&asked, &answer["outcome"]), (&json!(first), &json!("done")), "{deed}");
        let now = page.first_ids();
        match after {
            Some(order) => assert_eq!(now[..2], order.map(|at| before[at].clone()), "{deed}"),
            None => assert_ne!(now, before, "{deed}"),
        }
        assert_eq!(undo().await["outcome"], "done");
        assert_eq!(page.first_ids(), before, "{deed}");
    }
    let insert = json!({ "who": "editor", "tab": SERVERS, "insert": { "at": 2, "count": 1 } });
    assert_eq!(page.post("/api/edit", insert).await.1["outcome"], "done");
    assert_eq!(page.first_ids()[1], CellValue::Empty);
    assert_eq!(undo().await["outcome"], "done");
    assert_eq!(page.first_ids(), before);
    let strict = json!({ "who": "sre", "tab": RELEASES, "delete": [1, 2], "meant": true });
    assert_eq!(page.post("/api/edit", strict).await.1["outcome"], "refused");
}

#[tokio::test]
async fn two_hundred_rows_are_pasted_at_once() {
    let page = Page::open(20).await;
    let cells: Vec<Value> = (0..200)
        .flat_map(|at| {
            [
                json!([60 + at, 0, format!("i-0{at:016x}")]),
                json!([60 + at, 1, "web-prod"]),
            ]
        })
        .collect();
    let asked = json!({ "who": "editor", "tab": SERVERS, "type": cells });
    assert_eq!(page.post("/api/edit", asked).await.1["outcome"], "done");
    let tab = page.look(&format!("tab={SERVERS}")).await["tab"].clone();
    assert_eq!(tab["count"], 260);
    assert_eq!(tab["rows"][259][1][1], "web-prod");
}

#[tokio::test]
async fn a_look_tells_what_changed_and_no_more() {
    let page = Page::open(30).await;
    let all = page.look(&format!("tab={RELEASES}")).await;
    for part in [
        "fleet", "mails", "passes", "rollouts", "service", "story", "switches", "tabs", "undo",
    ] {
        assert!(!all["parts"][part].is_null(), "{part}");
    }
    let lists = &page.look(&format!("tab={SERVERS}")).await["tab"]["head"]["protected"];
    assert!(
        lists.as_array().unwrap().iter().any(|range| range["warns"] == true),
        "{lists}"
    );
    let seen = all["revision"].as_u64().unwrap();
    let again = format!("tab={RELEASES}&seen={seen}&rows={seen}");
    let quiet = page.look(&again).await;
    assert_eq!((&quiet["parts"], &quiet["tab"]["rows"]), (&json!({}), &json!([])));
    page.type_in("sre", "api-prod", "desiredVersionA", "8.4.0").await;
    let told = page.look(&again).await;
    assert_eq!(told["tab"]["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["parts"]["story"]["done"], 1, "key A is turned");
}

#[tokio::test]
async fn switches_break_and_mend_the_emulators() {
    let page = Page::open(20).await;
    let turn = async |name: &str, on: bool| page.post("/api/switch", json!({ "name": name, "on": on })).await.0;
    for name in ["throttle", "away", "google", "mail", "bad"] {
        assert_eq!(turn(name, true).await, 200, "{name}");
    }
    assert_eq!(turn("nothing", true).await, 400);
    let all = page.look("").await;
    let switches = all["parts"]["switches"].as_array().unwrap();
    assert!(switches.iter().all(|switch| switch["on"] == true), "{switches:?}");
    let ticket = page.world.smtp().script().begin("smtp.CONNECT").await;
    assert!(ticket.fault.is_some());
    assert_eq!(turn("mail", false).await, 200);
    let ticket = page.world.smtp().script().begin("smtp.CONNECT").await;
    assert_eq!(ticket.fault, None);
    let ticket = page.world.sheets().script().begin("sheets.get").await;
    assert!(ticket.fault.is_some(), "the others stay");
}

/// Passes from another terminal report to nobody here, but all of them write to the audit tab.
#[tokio::test]
async fn what_passes_from_elsewhere_did_counts_for_the_story() {
    let page = Page::open(100).await;
    let done = async || page.look("").await["parts"]["story"]["done"].clone();
    assert_eq!(done().await, 0, "what happened before it began is the past");
    page.type_in("sre", "api-prod", "desiredVersionA", "8.4.0").await;
    assert_eq!(done().await, 1);
    for event in ["promotion", "rollout_done"] {
        page.world.sheets().edit(|book| {
            let line = [
                ("event", event),
                ("channel", "api-prod"),
                ("from", "8.2.1"),
                ("to", "8.4.0"),
            ];
            let line = line.map(|(header, text)| (header, text.into()));
            book.tab_mut("AuditLog").add_row(&line);
        });
    }
    assert_eq!(done().await, 3);
}

#[tokio::test]
async fn a_server_is_terminated_by_its_id() {
    let page = Page::open(20).await;
    let fleet = page.look("").await["parts"]["fleet"].clone();
    let id = fleet["channels"][0]["servers"][0][0].as_str().unwrap().to_owned();
    assert_eq!(page.post("/api/terminate", json!({ "id": id })).await.0, 200);
    assert_eq!(page.post("/api/terminate", json!({ "id": "i-nobody" })).await.0, 400);
    let fleet = page.look("").await["parts"]["fleet"].clone();
    assert_ne!(fleet["channels"][0]["servers"][0][3], "", "it shuts down");
}

#[tokio::test]
async fn nobody_else_gets_in_and_nothing_foreign_is_loaded() {
    let page = Page::open(10).await;
    let index = page.send("GET", "/", "", "").await;
    let policy = "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  img-src 'self' data:; frame-src 'self';";
    assert!(index.status == 200 && index.head.contains(policy), "{}", index.head);
    assert!(!index.head.contains("access-control"), "{}", index.head);
    for file in index.body.split(['"', '\'']).filter(|part| part.starts_with("/app/")) {
        assert_eq!(page.send("GET", file, "", "").await.status, 200, "{file}");
    }
    assert!(
        !index.body.contains("style=") && !index.body.contains("http"),
        "nothing inline, nothing from elsewhere"
    );
    let tick = r#"{"name":"google","on":true}"#;
    let json = "content-type: application/json\r\n";
    for (method, path, headers) in [
        ("GET", "/", "host: evil.example\r\n"),
        ("GET", "/api/look", "sec-fetch-site: cross-site\r\n"),
        ("GET", "/api/look", "origin: http://evil.example\r\n"),
        ("POST", "/api/switch", &format!("{json}origin: http://evil.example\r\n")),
        ("POST", "/api/switch", &format!("{json}sec-fetch-site: same-site\r\n")),
        ("POST", "/api/switch", "content-type: text/plain\r\n"),
    ] {
        let answer = page.send(method, path, headers, tick).await;
        assert_eq!(answer.status, 403, "{method} {path} {headers}");
    }
    let off = page.look("").await;
    assert!(
        off["parts"]["switches"]
            .as_array()
            .unwrap()
            .iter()
            .all(|switch| switch["on"] == false)
    );
    for asked in [
        json!({}),
        json!([1]),
        json!({ "who": "nobody", "tab": RELEASES, "type": [[1, 1, "x"]] }),
    ] {
        assert_eq!(page.post("/api/edit", asked).await.0, 400);
    }
}
