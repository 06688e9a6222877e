//! What the tokens of GitHub Actions and GitLab CI say, shaped as theirs are.
//!
//! GitHub: "OpenID Connect reference", claims in the token; GitLab: "OpenID Connect (OIDC) Authentication
//! Using ID Tokens", token payload. All of GitHub's values but times are texts; GitLab's are, too, but
//! for `runner_id`.

use serde_json::{Value, json};

/// The token of a job of `repository` on a branch.
pub fn github(issuer: &str, audience: &str, repository: &str, branch: &str, now: u64) -> Value {
    let owner = repository.split('/').next().unwrap_or_default();
    let workflow = format!("{repository}/.github/workflows/push.yml@refs/heads/{branch}");
    json!({
        "jti": "a6f8d2c1-5f0b-4a86-9d6f-0d6f5a3c9b11",
        "sub": format!("repo:{repository}:ref:refs/heads/{branch}"),
        "aud": audience,
        "ref": format!("refs/heads/{branch}"),
        "sha": "1f0c2b6d0f3f4f0e8d7c6b5a4938271605f4e3d2",
        "repository": repository,
        "repository_owner": owner,
        "repository_owner_id": "65",
        "run_id": "9034567890",
        "run_number": "10",
        "run_attempt": "2",
        "repository_visibility": "private",
        "repository_id": "74",
        "actor_id": "12",
        "actor": "octocat",
        "workflow": "push",
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "ref_protected": "true",
        "ref_type": "branch",
        "workflow_ref": workflow,
        "workflow_sha": "1f0c2b6d0f3f4f0e8d7c6b5a4938271605f4e3d2",
        "job_workflow_ref": workflow,
        "job_workflow_sha": "1f0c2b6d0f3f4f0e8d7c6b5a4938271605f4e3d2",
        "runner_environment": "github-hosted",
        "iss": issuer,
        "nbf": now - 300,
        "exp": now + 600,
        "iat": now,
    })
}

/// The token of a job of the project at `path` on a branch.
pub fn gitlab(issuer: &str, audience: &str, path: &str, branch: &str, now: u64) -> Value {
    let namespace = path.split('/').next().unwrap_or_default();
    json!({
        "namespace_id": "72",
        "namespace_path": namespace,
        "project_id": "20",
        "project_path": path,
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "user_access_level": "developer",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": branch,
        "ref_type": "branch",
        "ref_path": format!("refs/heads/{branch}"),
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "private",
        "ci_config_ref_uri": format!("gitlab.example.com/{path}//.gitlab-ci.yml@refs/heads/{branch}"),
        "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        "iss": issuer,
        "iat": now,
        "nbf": now - 5,
        "exp": now + 3600,
        "sub": format!("project_path:{path}:ref_type:branch:ref:{branch}"),
        "aud": audience,
    })
}
