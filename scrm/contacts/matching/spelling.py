"""Latin spellings of Chinese and Japanese names, and the one code in which spellings of one sound are equal. Pure.

Chinese: pinyin, Wade-Giles, the Hong Kong government's spelling, and the Hokkien, Teochew and Hakka surnames of Singapore and
Malaysia. Japanese: kana by Hepburn; Kunrei, 'oh' and lost long vowels come to the same code.
"""

from __future__ import annotations

import re
from functools import lru_cache

from scrm.contacts.matching.characters import characters

# Surnames whose reading is not the character's usual one: canonical character -> (pinyin, jyutping).
_AS_SURNAME_READ = """
曾 zeng zang; 单 shan sin; 解 xie haai; 仇 qiu kau; 区 ou au; 查 zha zaa; 任 ren jam; 叶 ye jip; 朴 piao pok; 盖 ge goi;
翟 zhai zaak; 华 hua waa; 尉 wei wai; 覃 qin taam; 冼 xian sin; 洗 xian sin; 沈 shen sam; 乐 le lok; 岑 cen sam;
石 shi sek; 郑 zheng zeng; 谢 xie ze; 余 yu jyu; 薛 xue sit; 俞 yu jyu; 卜 bu buk; 车 che ce; 召 shao siu; 员 yun wan;
种 chong cung; 黑 he haak; 折 she zit; 缪 miao miu; 宁 ning ning; 万 wan maan; 重 chong cung; 长 zhang zoeng;
盛 sheng sing; 费 fei fai; 纪 ji gei; 应 ying jing
"""
_AS_SURNAME = {family: (pinyin, jyutping) for family, pinyin, jyutping in map(str.split, _AS_SURNAME_READ.split(";"))}
# Surnames as they are spelled besides what the rules give, by canonical character.
_FURTHER_SPELLED = """
陈 tan chan chin tran; 林 lim lam ling; 黄 ng wong ooi wee oei huang; 李 lee li lei lie; 王 ong wong heng wang;
吴 goh ng wu go; 蔡 chua tsoi choi choy tsai chuah; 许 koh khor hui hsu khaw; 张 teo teoh chong cheung chang tiong;
洪 ang hung hong; 杨 yeo yeoh yeung yong young; 郑 tay teh cheng tee; 何 ho hoe hor; 刘 low lau liew lao liu;
卓 toh cheuk; 沈 sim shum sum; 谢 chia cheah tse hsieh; 方 png fong pung; 周 chew chow chau chiew chou;
郭 quek kuek kwek kwok kuo koay; 傅 poh fu foo; 萧 seow siow siew siu hsiao; 罗 loh law lo; 曾 chan tsang tseng chng;
邱 khoo koo yau chiu hew; 叶 yap yip ip yeh iap; 徐 chee chui tsui hsu chua; 赖 lai lye; 梁 neo leong leung nio liang;
苏 soh soo so su; 高 koh ko kao; 潘 phua puah poon pan; 颜 gan ngan yen; 符 foo fu; 余 yee yu eu; 白 peh pak pai;
庄 chng chong chuang; 廖 leow liew liau liu liao; 吕 loo lu lui; 江 kang kong chiang; 戴 tai tye; 魏 gwee ngai wei;
施 see sze shih; 温 oon wan woon wen; 柯 quah kua or ko; 蒋 chiang cheung; 翁 ang yung weng eng; 孙 soon suen sun sng;
胡 oh foo wu woo hu; 彭 phang pang peng; 姚 yeo yiu yao; 冯 fung foong pang feng; 唐 tng tong tang; 范 huan fan;
邓 teng tang; 丁 ting teng; 伍 ng goh wu; 纪 kee kei chi; 薛 sih sit hsueh; 连 lian lin lien; 童 tang tung; 欧 au ou;
区 au ou; 麦 mak mai; 赵 chiu chew chao teo; 关 kwan kuan; 谭 tam tham tan; 霍 fok; 卢 lo loo lu; 龚 kung; 简 kan chien;
古 koo ku; 朱 chu choo; 钟 chung chong cheong; 甘 kam kan; 黎 lai; 邹 chow chau tsou; 马 mah ma beh; 杜 to toh tu;
袁 yuen yuan; 董 tung; 贺 ho; 尹 wan yin; 崔 chui tsui; 程 ching cheng; 韦 wai wei; 阮 yuen nguyen juan; 詹 chim chan;
游 yau yu; 严 yim giam yen; 石 shek shih; 巫 mo boo wu; 司徒 szeto seto; 欧阳 auyeung auyong ouyang; 凌 ling;
陆 luk loke lu; 倪 ngai gei ni; 成 shing cheng; 骆 lok lo; 容 yung; 孔 hung kung; 莫 mok mo; 植 chik; 冼 sin;
康 hong kang; 祝 chuk; 韩 hon han; 邵 shiu siu shao; 史 sze shih; 田 tin tien; 文 man wen; 沙 sha
"""
_FURTHER = {family: spelled for family, _, spelled in (each.strip().partition(" ") for each in _FURTHER_SPELLED.split(";"))}

_HK_INITIALS = [
    ("gw", "kw"), ("kw", "kw"), ("ng", "ng"), ("b", "p"), ("d", "t"), ("g", "k"), ("z", "ch"), ("c", "ch"), ("j", "y"),
    ("p", "p"), ("m", "m"), ("f", "f"), ("t", "t"), ("n", "n"), ("l", "l"), ("k", "k"), ("h", "h"), ("w", "w"), ("s", "s"),
]  # fmt: skip
_HK_FINALS = {
    "aa": "a", "aai": "ai", "aau": "au", "aam": "am", "aan": "an", "aang": "ang", "aap": "ap", "aat": "at", "aak": "ak", "ou": "o",
    "oe": "eu", "oeng": "eung", "oek": "euk", "eoi": "ui", "eon": "un", "eot": "ut", "yu": "yu", "yun": "uen", "yut": "uet",
}  # fmt: skip
_WADE_WHOLE = {
    "zhi": "chih", "chi": "chih", "shi": "shih", "ri": "jih", "zi": "tzu", "ci": "tzu", "si": "szu", "er": "erh", "you": "yu", "yu": "yu",
    "ye": "yeh", "yan": "yen", "yong": "yung", "yue": "yueh", "ge": "ko", "ke": "ko", "he": "ho", "e": "o", "guo": "kuo", "kuo": "kuo",
    "huo": "huo", "shuo": "shuo", "gui": "kuei", "kui": "kuei", "yi": "yi", "jue": "chueh", "xue": "hsueh", "que": "chueh",
}  # fmt: skip
_WADE_INITIALS = [
    ("zh", "ch"), ("ch", "ch"), ("sh", "sh"), ("j", "ch"), ("q", "ch"), ("z", "ts"), ("c", "ts"), ("x", "hs"), ("r", "j"),
    ("b", "p"), ("d", "t"), ("g", "k"),
]  # fmt: skip
_VOWEL_H = re.compile(r"(?<=[aeiou])h(?![aeiouy])")
_DOUBLE = re.compile(r"([a-z])\1+")
# In this order.
_SOUNDS_WRITTEN = """
tsz:ci tzu:ci sze:si szu:si ssu:si zh:c tch:c ch:c ts:c tz:c sh:s hs:s sy:s x:s ph:f ck:k qu:kw q:c j:c z:c b:p
d:t g:k fu:hu ow:au ou:o oo:o ee:i uu:u ien:ian unk:onk mp:np mm:nm tc:c ty:c cy:c ti:ci tu:cu v:u
"""
_SOUNDS = tuple((old, new) for old, _, new in (each.partition(":") for each in _SOUNDS_WRITTEN.split()))


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """The code of a word in lower-case letters a to z: spellings of one sound have one code. Coarse on purpose."""
    for old, new in _SOUNDS:
        if old in word:
            word = word.replace(old, new)
    word = _VOWEL_H.sub("", word)
    return _DOUBLE.sub(r"\1", word)


@lru_cache(maxsize=2_000)
def hong_kong(jyutping: str) -> str:
    """A syllable as Hong Kong's identity cards spell it, as far as rules go."""
    for initial, spelled in _HK_INITIALS:
        if jyutping.startswith(initial) and len(jyutping) > len(initial):
            final = jyutping[len(initial) :]
            final = _HK_FINALS.get(final, final)
            if spelled == "y" and final[:1] in "yu" and jyutping[1:3] == "yu":
                return "y" + (final if final[0] != "y" else final[1:])
            if final == "yu":
                return spelled + "u"
            return "yi" + final[1:] if spelled == "y" and final[:1] == "i" else spelled + final
    return _HK_FINALS.get(jyutping, jyutping)


@lru_cache(maxsize=2_000)
def wade_giles(pinyin: str) -> str:
    if pinyin in _WADE_WHOLE:
        return _WADE_WHOLE[pinyin]
    start, rest = next(((new, pinyin[len(old) :]) for old, new in _WADE_INITIALS if pinyin.startswith(old)), ("", pinyin))
    rest = "ien" if rest == "ian" else "ieh" if rest == "ie" else rest.replace("ong", "ung").replace("iung", "iung")
    return start + ("o" if rest == "uo" else rest)


@lru_cache(maxsize=20_000)
def chinese_family(family: str) -> tuple[str, ...]:
    """The codes of a surname's spellings; the pinyin's first."""
    known = characters()
    pinyin = "".join(_as_surname(char, 0) or known.mandarin.get(char, "") for char in family)
    jyutping = [_as_surname(char, 1) or next(iter(known.cantonese.get(char, ())), "") for char in family]
    wade = "".join(wade_giles(_as_surname(char, 0) or known.mandarin.get(char, "")) for char in family)
    cantonese = "".join(map(hong_kong, jyutping))
    spelled = [pinyin, wade, cantonese, *_FURTHER.get(family, "").split()]
    return tuple(dict.fromkeys(sound(each) for each in spelled if each))


def _as_surname(char: str, system: int) -> str:
    return _AS_SURNAME[char][system] if char in _AS_SURNAME else ""


@lru_cache(maxsize=50_000)
def chinese_given(given: str) -> tuple[str, ...]:
    """The codes of a given name's spellings: pinyin, Wade-Giles, Hong Kong."""
    known = characters()
    pinyin = [known.mandarin.get(char, "") for char in given]
    cantonese = [next(iter(known.cantonese.get(char, ())), "") for char in given]
    spelled = ["".join(pinyin), "".join(map(wade_giles, pinyin)), "".join(map(hong_kong, cantonese))]
    # Syllable by syllable, as people write them apart: 'Tsz Ki' and 'Tszki' have one code then.
    coded = [
        "".join(map(sound, pinyin)),
        "".join(sound(wade_giles(each)) for each in pinyin),
        "".join(sound(hong_kong(each)) for each in cantonese),
    ]
    return tuple(dict.fromkeys(each for each in [*coded, *map(sound, spelled)] if each))


@lru_cache(maxsize=1)
def latin_surnames() -> dict[str, tuple[str, ...]]:
    """Which Chinese surnames a code may spell."""
    found: dict[str, list[str]] = {}
    for family in [*_FURTHER, *_AS_SURNAME]:
        for code in chinese_family(family):
            found.setdefault(code, []).append(family)
    return {code: tuple(families) for code, families in found.items()}


_KANA_SPELLED = """
あ:a い:i う:u え:e お:o か:ka き:ki く:ku け:ke こ:ko さ:sa し:shi す:su せ:se そ:so た:ta ち:chi つ:tsu て:te と:to
な:na に:ni ぬ:nu ね:ne の:no は:ha ひ:hi ふ:fu へ:he ほ:ho ま:ma み:mi む:mu め:me も:mo や:ya ゆ:yu よ:yo
ら:ra り:ri る:ru れ:re ろ:ro わ:wa ゐ:i ゑ:e を:o ん:n が:ga ぎ:gi ぐ:gu げ:ge ご:go ざ:za じ:ji ず:zu ぜ:ze ぞ:zo
だ:da ぢ:ji づ:zu で:de ど:do ば:ba び:bi ぶ:bu べ:be ぼ:bo ぱ:pa ぴ:pi ぷ:pu ぺ:pe ぽ:po ゔ:vu
ぁ:a ぃ:i ぅ:u ぇ:e ぉ:o ゃ:ya ゅ:yu ょ:yo っ: ー: ゎ:wa
"""
_KANA = dict(pair.split(":") for pair in _KANA_SPELLED.split())
_GLIDES = {"ゃ": "a", "ゅ": "u", "ょ": "o"}


@lru_cache(maxsize=50_000)
def kana_sound(kana: str) -> str:
    """The code of a name in hiragana."""
    return sound(romaji(kana))


def romaji(kana: str) -> str:
    out: list[str] = []
    for char in kana:
        if char in _GLIDES and out and out[-1].endswith("i"):
            stem = out[-1][:-1]
            out[-1] = stem + ("" if stem.endswith(("sh", "ch", "j")) else "y") + _GLIDES[char]
            continue
        out.append(_KANA.get(char, ""))
    return "".join(out)
