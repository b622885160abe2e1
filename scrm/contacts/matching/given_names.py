"""English given names and their short forms, in groups: 'Bob' and 'Robert' are one. Pure."""

from __future__ import annotations

from functools import lru_cache

# The first of a line is the name that stands for all of it; a short form stand in several lines.
_FAMILIES = """
robert bob rob bobby robbie bert
william bill will billy willy liam
james jim jimmy jamie
john johnny jack jon
jonathan jon johnny jonny
michael mike mick mickey mikey
richard rick dick ricky rich richie
thomas tom tommy
christopher chris kit topher
christine chris tina christina chrissy kristin
daniel dan danny
matthew matt matty
anthony tony antony
steven steve stephen stevie
andrew andy drew
joshua josh
kenneth ken kenny
edward ed eddie ted teddy ned
edmund ed eddie ted
joseph joe joey
charles charlie chuck chas
david dave davy
benjamin ben benny benji
samuel sam sammy
samantha sam sammy
alexander alex sandy xander alec
alexandra alex sandra sandy lexi
nicholas nick nicky
elizabeth liz beth lisa betty eliza bess lizzie betsy
jennifer jen jenny jenn
margaret maggie peggy meg marge madge greta
katherine kate katie kathy catherine cathy kathryn kat kitty cath katharine
patricia pat patty trish tricia
patrick pat paddy
susan sue susie suzie suzanne
jessica jess jessie
rebecca becky becca
deborah deb debbie debra
barbara barb babs
kimberly kim kimmy
amanda mandy
victoria vicky vicki tori
stephanie steph stefanie
cynthia cindy
abigail abby abbie gail
theresa terry teresa tess tracy
terence terry
gregory greg
timothy tim timmy
ronald ron ronnie
jeffrey jeff geoffrey geoff
jacob jake
lawrence larry laurence
raymond ray
vincent vince vinny
frederick fred freddie
francis frank
frances fran fanny
philip phil phillip
peter pete
donald don donny
douglas doug
gerald gerry jerry
jeremy jerry
henry harry hank
harold harry
leonard leo len lenny
leonardo leo
leo leon
louis lou louie lewis
albert al bert
alfred alf fred
arthur art
nathan nate nathaniel
zachary zach zack
dominic dom
eugene gene
martin marty
maximilian max
maxwell max
oliver ollie
oscar ossie
walter walt wally
wilson will
winifred winnie
dorothy dot dottie dolly
eleanor ellie nell nora
emily em emmy
emma em
gabriella gabby
gwendolyn gwen
isabella bella izzy isabel
jacqueline jackie jacky
judith judy
julia julie
juliana julie
laura laurie
madeline maddie
melissa mel missy
melanie mel
mary molly polly
michelle shelly
nancy nan
natalie nat
pamela pam
penelope penny
philippa pippa
priscilla cilla
sandra sandy
sarah sally sara
sharon shari
sophia sophie
veronica ronnie vera
virginia ginny
vivian viv vivienne
yvonne eve
angela angie angel
caroline carrie carol
florence flo
evelyn eve evie
gilbert gil
dennis denny
"""
_OTHERS = """
amy joyce karen winnie grace alice carmen fiona jenny tiffany janice iris queenie phoebe bonnie connie daisy eva helen irene kitty lily
maggie olivia rachel wendy zoe doris elaine flora gigi hannah ivy jason kevin eric tony kelvin ivan simon gary ryan marcus felix calvin
derek alan allan allen nelson edmond roger stanley victor howard jacky brian george ronald paul mark jonathan justin scott brandon frank
linda betty ashley donna sandra anna brenda shirley kathleen amy ruth diane rose joan jane heather lauren megan andrea cheryl jacqueline
martha gloria ann anne maria marie julie joyce frances alicia beverly denise marilyn amber danielle brittany theresa natalie diana lori
kayla alexis kelly christina lauren evelyn judy jean alison bella bobo candy cherry coco crystal debby ella elsa esther fanny gloria jade
jasmine joanne joyce kiki lydia mabel mimi miranda monica nicole peony pinky rainbow rita rosanna ruby sabrina sally selina
serena shirley sylvia teresa venus vera verna yoyo alfred alvin andrew antonio arthur aaron adam adrian alex alfonso anson
ashton austin barry bernard bosco bruce bryan byron carl carson cary cedric chester clement clive colin cyrus damon danny darren dean
dickson dominic donald duncan dylan edison edwin eddie elton elvis elvin eugene evan ernest fergus francis frankie franklin fred gabriel
geoffrey gerald glen gordon harris harrison harvey hector herman horace hubert hugo ian isaac jackson jacob jared jasper jay jerome jerry
jesse joel johnson julian keith kent kyle lancelot leslie lester louis lucas luke martin mason max maurice melvin miles morgan
nathan neil noah norman oliver omar owen perry preston ralph randy rex rico rocky roland ronnie ronson roy rudy russell sean sebastian
shawn sidney spencer stuart sunny terrence theodore travis tyler vernon wallace warren wayne willis winston alfie cathy clara cora
claire connie cecilia charlotte chloe della edith eileen elena erica estella eunice eva fion freda georgia gillian heidi hilda
hilary ida isabel jacinta janet jessie jill joan jocelyn josephine judy kristy lana leona linda lorraine louise lucia lucy mable
marianne maureen maxine megan mia michele minnie miriam myra naomi nora noel pansy paula pearl penny polly rebecca regina rena rosa
rosemary sandy sara silvia sonia stella sue susanna tammy tania tracey una ursula valerie vanessa vicky violet vivien wanda winsome
hazel kary yammi jeanne gladys dorothy tina nina mona lena rhea moses peter benson vincent ricky tommy henry patrick ken ben
bill bob sam
"""


@lru_cache(maxsize=1)
def _groups() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in _FAMILIES.strip().splitlines():
        names = line.split()
        for name in names:
            leads = found.setdefault(name, [])
            if names[0] not in leads:
                leads.append(names[0])
    for name in _OTHERS.split():
        found.setdefault(name, []).append(name) if name not in found.get(name, []) else None
    return {name: tuple(dict.fromkeys(leads)) for name, leads in found.items()}


def group(word: str) -> tuple[str, ...]:
    """The names that a word in lower case stands or be short for; empty when it is no English given name that we know."""
    return _groups().get(word, ())
