"""The API described by drf-spectacular; imported only where `API_DOCS` is on.

`accounts` and `operations` say what each endpoint takes and answers, in the words of `describe`;
`errors` how it can fail, `bodies` what answers look like, `responses` what they all carry.
`extensions` hands it all to drf-spectacular, and `views` serves what that makes of it. The views
that are described know nothing of this.
"""
