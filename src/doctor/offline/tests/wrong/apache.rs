//! Apache's right files, with one thing made wrong.

use super::*;

const XFP_LINE: &str = "RequestHeader set X-Forwarded-Proto https";
pub(super) const KEEPS: &str = "ProxyPreserveHost On";
const PASSED: &str =
    "ProxyPass / http://harbor:8080/ nocanon\n    ProxyPassReverse / http://harbor:8080/";
const ENCODED: &str = "AllowEncodedSlashes NoDecode";

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    (APACHE, ENCODED, "RequestHeader set X-Forwarded-Host hub.example.com:443", &[LocationPort]),
    (APACHE, ENCODED, "RequestHeader set X-Forwarded-Host localhost", &[LocationHost]),
    (APACHE, KEEPS, "", &[RealmHost]),
    (APACHE, KEEPS, "ProxyPreserveHost Off", &[RealmHost]),
    (APACHE, "ProxyPreserveHost On\n    RequestHeader set X-Forwarded-Proto https", "ProxyAddHeaders Off", &[RealmHost]),
    (APACHE_OTHER, KEEPS, "ProxyAddHeaders Off", &[LocationHost, RealmHost]),
    (APACHE, XFP_LINE, "", &[LocationScheme]),
    (APACHE, XFP_LINE, "RequestHeader set X-Forwarded-Proto http", &[LocationScheme]),
    (APACHE_PLAIN, KEEPS, "ProxyPreserveHost On\n    RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}", &[LocationScheme]),
    (APACHE_PLAIN, KEEPS, "ProxyPreserveHost On\n    RequestHeader append X-Forwarded-Proto http", &[LocationSchemeDoubled]),
    (APACHE, PASSED, "ProxyPass / http://harbor:8080", &[NoRegistry]),
    (APACHE, PASSED, "ProxyPass / http://harbor:8080/registry/", &[NoRegistry]),
    (APACHE, PASSED, "Redirect permanent /v2/ https://login.example.com/", &[RegistryRedirected]),
    (APACHE, PASSED, "Redirect gone /v2/", &[NoRegistry]),
    (APACHE, PASSED, "ProxyPass / https://harbor:8443/", &[GatewayError]),
    (APACHE, ENCODED, "RequestHeader unset Authorization", &[AuthorizationRemoved]),
    (APACHE, ENCODED, "RequestHeader unset Authorization env=internal", &[AuthorizationLost]),
    (APACHE, ENCODED, "RequestHeader set Authorization \"Basic c2VjcmV0\"", &[TokenRefused]),
    (APACHE, ENCODED, "<Location />\n    AuthType Basic\n    Require valid-user\n    </Location>", &[ChallengeMissing]),
    (APACHE_OTHER, "ServerTokens Prod", "<Location />\nAuthType Basic\nRequire valid-user\n</Location>", &[ChallengeMissing]),
    (APACHE, ENCODED, "Header always unset WWW-Authenticate", &[ChallengeMissing]),
    (APACHE, ENCODED, "Header unset Docker-Content-Digest", &[HeaderLost]),
    (APACHE, ENCODED, "<Location />\n    <LimitExcept GET PUT PATCH>\n    Require all denied\n    </LimitExcept>\n    </Location>", &[TokenPostRefused, UploadRefused]),
    (APACHE, ENCODED, "<Location />\n    AllowMethods GET POST\n    </Location>", &[PushFailed]),
    (APACHE, ENCODED, "<Location />\n    <Limit GET HEAD>\n    Require all denied\n    </Limit>\n    </Location>", &[HeadRefused]),
    (APACHE, ENCODED, "ProxyErrorOverride On 404 503", &[HtmlErrors]),
    (APACHE, "LimitRequestBody 0", "", &[BodyLimit]),
    (APACHE, "LimitRequestBody 0", "LimitRequestBody 104857600", &[BodyLimit]),
    (APACHE, "LimitRequestBody 0", "LimitRequestBody 5368709120", &[BodyLimit]),
    (APACHE, ENCODED, "SetEnv proxy-sendcl 1", &[RequestBuffered]),
    (APACHE, ENCODED, "SetInputFilter BUFFER", &[RequestBuffered]),
    (APACHE, "Timeout 900", "", &[IdleCut]),
    (APACHE, "Timeout 900", "Timeout 30", &[IdleCut]),
    (APACHE, "MinRate=500 body=0", "MinRate=500", &[IdleCut]),
    (APACHE, "body=0", "body=20,MinRate=500", &[IdleCut]),
    (APACHE, "body=0", "body=20-300,MinRate=500", &[AgeCut]),
    (APACHE, "body=0", "body=30", &[AgeCut]),
    (APACHE, "ProxyTimeout 900", "ProxyTimeout 30", &[CommitCut]),
    (APACHE, "ProxyTimeout 900", "ProxyTimeout 300", &[CommitCut]),
    (APACHE, "8080/ nocanon", "8080/ timeout=60 nocanon", &[CommitCut]),
    (APACHE_PORT, "timeout=900\n</Proxy>", "timeout=50\n</Proxy>", &[CommitCut]),
    (APACHE, "Listen 443", "LimitRequestLine 2048", &[LongRequestRefused]),
    (APACHE, ENCODED, "QS_SrvMaxConnPerIP 3", &[ConnectionsLimited]),
    (APACHE, ENCODED, "SetOutputFilter DEFLATE", &[RangeIgnored]),
    (APACHE, ENCODED, "AddOutputFilterByType DEFLATE text/html application/octet-stream", &[RangeIgnored]),
    (APACHE, ENCODED, "RequestHeader unset Range", &[RangeIgnored]),
    (APACHE, ENCODED, "CacheEnable disk /", &[NotFoundCached]),
    (APACHE, "Redirect 308", "Redirect permanent", &[RedirectLosesWrites]),
    (APACHE, "Redirect 308 / https://hub.example.com/", "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]", &[RedirectLosesWrites]),
];
