"""Names that a user could give a study, an arm or a class, and that a page or a file must show as text."""

SCRIPT = "<script>alert('arm')</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
FORMULA = '=HYPERLINK("http://example.org","click")'
PIPES = "a | b `code` **bold** [link](http://example.org) $x^2$"
LATEX = r"100 % of \input{/etc/passwd} & {x}_1 ~ #2 ^"
ARABIC = "تسوية الدفعة \u202e reversed"
UNICODE = "Größe 数字 🙂 é"
PATH = "../../etc/passwd"
LONG = "long-" * 80
TEMPLATE = "{{ 7 * 7 }} %{x} {% raw %}"

HOSTILE = (SCRIPT, IMAGE, FORMULA, PIPES, LATEX, ARABIC, UNICODE, PATH, LONG, TEMPLATE)
"""One of each kind."""
