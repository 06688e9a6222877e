//! The report's own words in each language: labels, headings, the verdict, and what stands in the places
//! of sentences. Unknown here: where they stand, and the sentences about findings.

use super::language::Language;
use super::placeholders;

/// Declares the words with each language's text. What stands in `<>` is filled in.
macro_rules! words {
    ($($(#[$of_word:meta])* $word:ident $english:literal $chinese:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Word {
            $($(#[$of_word])* $word,)*
        }

        impl Word {
            #[cfg(test)]
            const ALL: [Word; [$($english),*].len()] = [$(Word::$word),*];

            pub(super) fn told(self, language: Language) -> &'static str {
                let (english, chinese) = match self {
                    $(Word::$word => ($english, $chinese),)*
                };
                match language {
                    Language::English => english,
                    Language::Chinese => chinese,
                }
            }
        }
    };
}

words! {
    // Labels.
    Seen "seen" "证据",
    Breaks "breaks" "失败",
    AtTimes "at times" "有时失败",
    Leaks "leaks" "泄露",
    Works "works" "正常",
    Hop "hop" "哪一跳",
    Cause "cause" "原因",
    Advice "advice" "建议",
    Change "change" "修改",
    Or "or" "或者",
    Page "page" "说明",
    Wrong "wrong" "问题",
    LayerLabel "layer" "layer",
    SaysIt "says it" "谁会报",

    // Headings.
    TheChain "The chain" "链路",
    WhatIsWrong "What is wrong" "发现的问题",
    NotExamined "Not examined" "没有检查",
    LeftOver "Left over" "遗留物",
    ForATicket "For a ticket" "工单用的一行",
    Verdict "Verdict" "结论",
    OnlyAtInnerHops "Only at inner hops" "只在内层出现",
    HowTheEntriesDiffer "How the entries differ" "各入口的差异",

    // Findings.
    LinesReplace
        "Each line to change replaces the existing line for the same setting."
        "每条要改的配置都替换同一设置的原有行。",
    AndMore "and <count> more (--all)" "还有 <count> 条（--all）",
    EveryClient "every client" "所有客户端",
    ShownAndGone
        "<shows>: the fault shows there, and is gone at <gone>."
        "<shows>：到这里有问题，到 <gone> 就没有了。",
    AtOrBehind
        "<last> or a hop behind it: every entry up to there shows the fault."
        "<last> 或它后面的某一跳：到那里为止，每个入口都有这个问题。",
    HopUnknown
        "unknown: the inner entries gave no answer to compare."
        "未知：内层入口没有可以比较的应答。",
    HopThere "<at>: this hop answers there." "<at>：应答的就是这一跳。",
    HopOrBehind "<at>, or one behind it." "<at>，或它后面的某一跳。",
    NoHop "no hop's doing" "与哪一跳都无关",
    SameLines "the same lines as for <kind>." "与 <kind> 的配置行相同。",
    NoLinesFor
        "There are no lines for <hop> here; those shown are for what may stand behind it."
        "这里没有 <hop> 的配置行；列出的是给它后面可能有的代理的。",
    OtherProducts
        "<names>: --all and --json have the lines for these, too."
        "<names>：这些产品的配置行见 --all 或 --json。",
    Comma ", " "，",
    Semicolon "; " "；",
    Colon ": " "：",
    Listing ", " "、",

    // The picture of the chain.
    Client "client" "客户端",
    CausedHere "<kind>: caused here" "<kind>：问题出在这里",
    CausedBefore
        "<kind>: caused here or behind, before <gone>"
        "<kind>：问题出在这里或后面，<gone> 之前",
    CausedHereOrBehind "<kind>: caused here or behind" "<kind>：问题出在这里或后面",
    CausedSomewhere
        "<kind>: the inner entries don't show where"
        "<kind>：从内层入口看不出问题在哪里",
    PassesBodiesOn "passes bodies on as they come" "边收边转发请求体",
    AnswersLate "answers only after the whole body" "收完整个请求体才应答",
    Takes "takes <size>" "能接收 <size>",

    // Documents for others.
    MetBy "This is what <programs> meets." "这是 <programs> 会遇到的情况。",
    InOneLine "In one line" "一行摘要",
    NothingSecret
        "harbormouth doctor <version>, <date>. Passwords, tokens and cookies are left out."
        "harbormouth doctor <version>，<date>。密码、token 和 cookie 都已略去。",
    LinesAreSame
        "The lines to change are the same as for <kind>."
        "要改的配置行与 <kind> 的相同。",
    ChangeAt "Change <place>" "修改 <place>",
    AllHasLines "--all has the lines for <names>." "<names> 的配置行见 --all。",
    KindAt "<kind> at <place>: <summary>" "<place> 上的 <kind>：<summary>",

    // Files.
    FileIs "<file> is <kind>." "<file> 是<kind>。",
    NotRead "Not read" "没有读的部分",
    MayStandThere
        "What seems to be missing where something is included may stand there."
        "在包含其它文件的地方，看似缺少的设置可能就在那里。",
    AtLine "line <line>: <what>" "第 <line> 行：<what>",
    FileHealthy "Nothing in this file breaks a client." "这个文件里没有会使客户端失败的设置。",
    FileBroken "Clients break by this file." "有客户端会因这个文件失败。",
    FilePassesNothing
        "Nothing in this file passes requests for a registry on."
        "这个文件里没有转发 registry 请求的设置。",
    ExampleStands
        "hub.example.com stands for the name that clients type: this file doesn't say it."
        "hub.example.com 代表客户端输入的名字：这个文件里没有写。",
    LineAbove
        "the line above: take it out, or say what is right there"
        "上面那一行：删掉它，或写成正确的值",
    LineLabel "line" "行",

    // The verdict.
    HealthyAsFar
        "Nothing was found that breaks a client, as far as the chain was examined."
        "就检查过的部分而言，没有发现会使客户端失败的问题。",
    Healthy "Nothing was found that breaks a client." "没有发现会使客户端失败的问题。",
    Broken "Clients break here." "有客户端会在这里失败。",
    Unexamined
        "Nothing broken was found, but the chain could not be examined."
        "没有发现会使客户端失败的问题，但链路没能检查完。",
    OneWarning " One warning." "另有一条警告。",
    Warnings " <count> warnings." "另有 <count> 条警告。",
    BrokenClients "Broken: <clients>." "会失败的客户端：<clients>。",
    ViaHelps
        "If inner hops can be reached from here, `--via http://10.0.0.5` (repeatable, the outermost first) finds the hop that causes this."
        "如果从本机能访问内层的各跳，`--via http://10.0.0.5`（可重复，从最外层开始）能找出是哪一跳造成的。",

    // Errors that are explained.
    ComesFrom "\"<message>\" comes from <clients> where" "\"<message>\" 来自 <clients>，原因可能是",
    WhichOfThem
        "Which of them it is, and which hop: harbormouth doctor HOST --repository NAME"
        "要确定是哪一个、出在哪一跳：harbormouth doctor HOST --repository NAME",
    NobodySaysIt
        "No registry client is known to say this. What is wrong with a registry's chain of proxies says: harbormouth doctor HOST --repository NAME"
        "没有已知的 registry 客户端会这样报错。要检查 registry 前面的各级代理：harbormouth doctor HOST --repository NAME",

    // What stands in sentences.
    Answered "was answered with <status>" "得到的应答是 <status>",
    Unanswered "got no answer: <trouble>" "没有得到应答：<trouble>",
    CallsItself " (it calls itself <name>)" "（自称 <name>）",
    KeptByPostAndPut "POST and PUT keep it" "POST 和 PUT 保留了它",
    KeptByPostAndPatch "POST and PATCH keep it" "POST 和 PATCH 保留了它",
    KeptByPost "POST keeps it" "POST 保留了它",
    Patch "PATCH" "PATCH",
    Put "PUT" "PUT",
    PatchAndPut "PATCH and PUT" "PATCH 和 PUT",
    Said " (<said>)" "（<said>）",
    Nowhere "nowhere" "不明的地方",
    Nothing "nothing" "空",
    ThisUser "this user" "该用户",
    Lives ": it lives <seconds> s" "：它的有效期是 <seconds> s",
    DefaultsThere "; by default there: <who>" "；默认限制在这个范围的有：<who>",
    IsDefaultOf "; <seconds> s is the default of <who>" "；<seconds> s 是 <who> 的默认值",
    SecondsAt "<seconds> s at <size>" "<size> 时 <seconds> s",
    Hours "<count> h" "<count> 小时",
    OneDay "1 day" "1 天",
    Days "<count> days" "<count> 天",
    WholeMinutes "<count> minutes" "<count> 分钟",
    WholeHours "<count> hours" "<count> 小时",
    Bytes "<count> bytes" "<count> 字节",
    Layer "layer" "layer",
    Manifest "manifest" "manifest",
    ChunkWithLength "A chunk with a length" "带长度的分块",
    ChunkedChunk "A chunked chunk" "chunked 的分块",
    WrongDigest "A commit with a wrong digest" "digest 错误的提交",
    LargeBody "A large body" "大的请求体",
    PausingBody "A body that pauses" "中途停顿的请求体",
    SlowBody "A slow body" "慢速的请求体",
    LayersCommit "A layer's commit" "layer 的提交",
    ConfigurationsCommit "A configuration's commit" "镜像配置的提交",
    TheManifest "The manifest" "manifest",
    LargeCommit "A large blob's commit" "大 blob 的提交",

    // Why there is no answer.
    Unresolved "the name can't be resolved: <why>" "域名解析不了：<why>",
    Refused "the connection is refused" "连接被拒绝",
    Unreachable "there is no route: <why>" "没有路由：<why>",
    TimedOut "nothing was received within <seconds> s" "<seconds> s 内什么都没收到",
    Cut "the connection was cut" "连接被切断",
    TlsTrouble "TLS: <why>" "TLS：<why>",
    ClientCertificate "the server requires a client certificate" "服务器要求客户端证书",
    SignedBy ", signed by <names>" "（由 <names> 签发）",
    NotTls "it speaks plain HTTP, not TLS" "对方是明文 HTTP，不是 TLS",
    ProxyAnswered "the proxy answered <status>" "代理的应答是 <status>",
    NotHttp "the answer is not HTTP: <why>" "应答不是 HTTP：<why>",

    // Steps.
    AsUser "as <user> (<source>)" "以 <user> 的身份（<source>）",
    WithoutCredentials "without credentials" "没有凭据",
    WithRepository ", with <repository>" "，仓库 <repository>",
    AsMetBy ", as <programs> meets it" "，<programs> 的视角",
    ThroughProxy "through the proxy <proxy>" "经过代理 <proxy>",
    OfTheProxy "<addresses>, of the proxy <proxy>" "<addresses>，是代理 <proxy> 的地址",
    Via "via <origin>" "经由 <origin>",
    AsFromAHop
        "with the headers that a correct hop in front would send"
        "带有前面一跳正确时会发送的请求头",
    OneStepWell "1 step went as it should" "1 步正常",
    StepsWell "<count> steps went as they should" "<count> 步正常",

    PutToCommit "PUT, to commit it" "PUT，提交它",
    DeleteMade "DELETE what it made" "DELETE 刚才提交的",
    RightPost "right: containerd goes on with GET" "正确：containerd 会改用 GET",
    RightEarly "at once: bodies are passed on as they come" "立刻应答：请求体边收边转发",
    AnsweredMeanwhile
        "as the body went on: bodies are passed on as they come"
        "请求体发送途中应答：请求体边收边转发",
    RightRefusal "right: nothing is committed" "正确：什么都没有提交",
    SameBytes "the same bytes" "内容一致",
    OtherBytes "other bytes" "内容不一致",
    SilentFor "silent for <time>" "静默了 <time>",
    RightAbsent "right: nobody has it" "正确：谁都没有它",
    RightLogin "right: it asks for a login" "正确：它要求登录",
    SameAnswer "the same answer" "应答相同",
    TokenUnread "a token whose content can't be read" "内容无法读取的 token",
    TokenEmpty "a token that allows nothing" "没有任何权限的 token",
    MoreAddresses "and <count> further addresses" "还有 <count> 个地址",
    ConnectedIn "<at> in <time>" "<at>，用时 <time>",
    NotConnected "<at>: <why>" "<at>：<why>",
    AfterTime "after <time>" "<time> 后",
    AfterBytes "<why>, after <sent> of <total>" "<why>，<total> 中已发送 <sent>",
    For "for <name>" "适用于 <name>",
    From "from <issuer>" "由 <issuer> 签发",
    Ended "ended <date>, <count> days ago" "<date> 到期，已过 <count> 天",
    Until "until <date>, <count> days" "<date> 到期，还有 <count> 天",

    // What wasn't examined.
    AllElse "all else" "其余全部",
    NotRequested "not requested" "没有要求",
    NoCredentials
        "there are no credentials; `docker login <target>`, or --user NAME --password-stdin"
        "没有凭据；`docker login <target>`，或 --user NAME --password-stdin",
    NoRepository
        "--repository NAME says where uploads may be tried"
        "用 --repository NAME 指定可以试传的仓库",
    NotTrusted
        "the password isn't sent where the certificate isn't trusted; --ca FILE trusts an authority, and --insecure sends it all the same"
        "证书不受信任，不发送密码；--ca FILE 可指定信任的 CA，--insecure 则照样发送",
    ForeignRealm
        "the password isn't sent to another's realm; --realm-host HOST allows it"
        "realm 在别的主机上，不发送密码；--realm-host HOST 可放行",
    Impossible "an earlier step that they need failed" "所依赖的前面的步骤失败了",
    OutOfTime "the time limit was reached" "时间用完了",
    Interrupted "you interrupted the doctor" "检查被您中断",
    BodiesOver
        "bodies over <size>: --body 150MiB (CDNs begin to refuse at 100 MB)"
        "超过 <size> 的请求体：--body 150MiB（CDN 从 100 MB 起就会拒绝）",
    TopicReach "the registry itself" "registry 本身",
    TopicPlain "port 80" "80 端口",
    TopicToken "tokens" "token",
    TopicClientBehaviour "HEAD, HTTP/2, docker's name and long requests" "HEAD、HTTP/2、docker 的 User-Agent 和很长的请求",
    TopicEarly "whether bodies are passed on as they come" "请求体是否边收边转发",
    TopicUploads "uploads and their Location" "上传及其 Location",
    TopicBodies "large bodies" "大的请求体",
    TopicIdle "pauses in a body" "请求体中途停顿",
    TopicAge "transfers that take long" "持续很久的传输",
    TopicPush "a push and a pull" "一次 push 和 pull",
    TopicCommit "a slow commit" "慢的提交",

    // What is left over.
    MayNotDelete
        "its deletion was answered with <status>: this account may not delete"
        "删除得到的应答是 <status>：该账号没有删除权限",
    DeletionAnswered "its deletion was answered with <status>" "删除得到的应答是 <status>",
    DeletionUnanswered "its deletion got no answer" "删除没有得到应答",
    LeftUpload
        "an open upload in <repository>, which the registry forgets by itself: <refused>"
        "<repository> 里一个未完成的上传，registry 会自己清理：<refused>",
    LeftBlob
        "a blob in <repository>, which garbage collection removes: <digest>; <refused>"
        "<repository> 里的一个 blob，垃圾回收会清理：<digest>；<refused>",
    LeftArtifact
        "an artifact, to be deleted by hand: <repository>:<reference>; <refused>"
        "一个制品，需要手工删除：<repository>:<reference>；<refused>",
    Times "<count> times: <line>" "<count> 次：<line>",
}

impl Word {
    /// With what stands in its places.
    pub(super) fn filled(self, language: Language, values: &[(&str, &dyn ToString)]) -> String {
        placeholders::filled(self.told(language), |place| {
            let mut values = values.iter();
            values.find_map(|(known, value)| (*known == place).then(|| value.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::placeholders::places;

    #[test]
    fn every_word_has_the_same_places_in_each_language() {
        for word in Word::ALL {
            let [english, chinese] = Language::ALL.map(|language| word.told(language));
            assert_eq!(places(english), places(chinese), "{word:?}");
            assert!(!english.is_empty() && !chinese.is_empty(), "{word:?}");
        }
    }
}
