//! The edge of each belt with the real program: one below ends well, at the edge it is exit 5.

use crate::stage::{SERVERS, Stage, fleet};

/// Makes a pass; gives its exit code and the belts that it names.
async fn belts(stage: &Stage) -> (i32, Vec<String>) {
    let ran = stage.once().await;
    let word = |message: &String| message.split([' ', ':']).nth(1).unwrap_or_default().to_owned();
    (ran.code, ran.problems_of("belt").iter().map(word).collect())
}

fn held(belt: &str) -> (i32, Vec<String>) {
    (5, vec![belt.to_owned()])
}

const FINE: (i32, Vec<String>) = (0, Vec::new());

#[tokio::test(flavor = "multi_thread")]
async fn three_of_ten_rows_are_too_many() {
    for (gone, expected) in [(2, FINE), (3, held("row_drop"))] {
        let (stage, _) = Stage::known(10).await;
        stage.sheets.edit(|book| book.tab_mut(SERVERS).delete_rows(1..1 + gone));
        assert_eq!(belts(&stage).await, expected, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_four_channels_are_too_many() {
    for (gone, expected) in [(1, FINE), (2, held("row_drop"))] {
        let (cloud, ids) = fleet(2, "web-prod", "2.3.9");
        let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
        let channels = ["web-prod", "a", "b", "c"].map(|channel| (channel, "2.3.9", "2.3.9", true));
        let stage = Stage::new(&channels, &servers, cloud).await;
        stage.settle().await;
        stage
            .sheets
            .edit(|book| book.tab_mut("ReleaseSheet").delete_rows(2..2 + gone));
        assert_eq!(belts(&stage).await, expected, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_ten_servers_of_a_region_are_too_many() {
    for (gone, expected) in [(2, FINE), (3, held("fleet_drop"))] {
        let (stage, ids) = Stage::known(10).await;
        stage
            .cloud
            .edit(|fleet| ids[..gone].iter().for_each(|id| assert!(fleet.vanish(id))));
        assert_eq!(belts(&stage).await, expected, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_twenty_unapproved_changes_are_too_many_and_so_is_a_third_after_two() {
    for (first, second, expected) in [(2, 0, FINE), (3, 0, held("unapproved")), (2, 1, held("unapproved"))] {
        let (stage, ids) = Stage::known(20).await;
        stage.cloud.edit(|fleet| {
            ids[..3]
                .iter()
                .for_each(|id| assert!(fleet.set_tag(id, "Owner", "team-b")))
        });
        for (nth, id) in ids[..first + second].iter().enumerate() {
            if nth == first {
                stage.settle().await;
            }
            stage.set_server(id, "tag:Owner", "team-a");
        }
        assert_eq!(belts(&stage).await, expected, "{first} and {second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_ten_rows_of_another_time_is_too_many_and_one_of_eleven_is_not() {
    for (count, expected) in [(11, FINE), (10, held("history"))] {
        for older_store in [false, true] {
            let (stage, ids) = Stage::known(count).await;
            let (store, cells) = (stage.path("state"), ["state", "status", "updatedAt"]);
            let copy = stage.path("copy");
            std::fs::create_dir(&copy).unwrap();
            for file in std::fs::read_dir(&store).unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
            }
            let old = cells.map(|header| stage.server_cell(&ids[3], header));
            stage
                .cloud
                .edit(|fleet| fleet.set_state(&ids[3], fleetsheet_mocks::cloud::State::Stopped));
            stage.settle().await;
            if older_store {
                std::fs::remove_dir_all(&store).unwrap();
                std::fs::rename(copy, store).unwrap();
            } else {
                for (header, text) in cells.into_iter().zip(old) {
                    stage.set_server(&ids[3], header, text.as_str());
                }
            }
            assert_eq!(
                belts(&stage).await,
                expected,
                "{count}, the store is older: {older_store}"
            );
        }
    }
}
