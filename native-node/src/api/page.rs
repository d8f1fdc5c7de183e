//! What a browser sees that looks at a node.

use axum::response::Html;

pub(super) async fn page() -> Html<&'static str> {
    Html(PAGE)
}

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Cachette</title>
<h1>Cachette</h1>
<p>This is a node that keeps copies of other people's files. The files are encrypted: the node cannot read them.
<p>Its operator manages it with the <code>cachette</code> command on that machine.
</html>
";
