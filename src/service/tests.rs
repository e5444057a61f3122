use super::*;

#[tokio::test]
async fn a_pass_that_panics_is_a_failed_pass() {
    let task = tokio::spawn(async { panic!("expected by this test") });
    let error = task.await.map(|(): ()| ()).unwrap_err();
    let ended = judge(Err(Refusal::failed(broken(error))));
    assert_eq!(ended.word(), "failed");
    assert!(ended.reason.unwrap().starts_with("the pass panicked"));
}
